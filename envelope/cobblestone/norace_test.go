//go:build !race

package cobblestone_test

const underRace = false
