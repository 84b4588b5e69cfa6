//go:build !race

package fernet_test

const underRace = false
