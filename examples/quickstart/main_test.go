package main

import "context"

func Example() {
	greet(context.Background())
	// Output: [alice] Test message
}
