//go:build !race

package forgecfb_test

const underRace = false
