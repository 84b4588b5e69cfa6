package e2ee

// Posts is how many messages wait to be stored.
func (r *Room) Posts() int {
	r.posts.mu.Lock()
	defer r.posts.mu.Unlock()
	return len(r.posts.all)
}
