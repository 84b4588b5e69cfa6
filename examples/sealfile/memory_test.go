//go:build linux

package main

import (
	"fmt"
	"hash/crc32"
	"io"
	"os"
	"os/exec"
	"runtime/debug"
	"slices"
	"strings"
	"testing"
)

const (
	maxPeak   = 40 << 20 // of a whole process
	maxGrowth = 6 << 20  // from the shortest stream to the longest
)

// TestMemory sends streams through seal and open, as pipes, and looks at the most
// memory they ever had. SEALFILE_LONG=1 adds streams of 1 and 4 GiB.
func TestMemory(t *testing.T) {
	if raceDetector() {
		t.Skip("the race detector takes memory of its own")
	}
	lengths := []int64{16 << 20, 256 << 20}
	if os.Getenv("SEALFILE_LONG") == "1" {
		lengths = []int64{16 << 20, 64 << 20, 1 << 30, 4 << 30}
	}
	f := newFolder(t)
	for name, flags := range map[string][2][]string{
		"plain":  {},
		"signed": {{"-sign", f.key("alice")}, {"-from", f.pub("alice")}},
	} {
		var sealing, opening []int64
		for _, n := range lengths {
			s, o := f.stream(n, flags[0], flags[1])
			t.Logf("%s, %5d MiB: peak RSS sealing %.1f MiB, opening %.1f MiB", name, n>>20, float64(s)/(1<<20), float64(o)/(1<<20))
			sealing, opening = append(sealing, s), append(opening, o)
		}
		for what, peaks := range map[string][]int64{"sealing": sealing, "opening": opening} {
			if slices.Max(peaks) > maxPeak || slices.Max(peaks)-peaks[0] > maxGrowth {
				t.Errorf("%s, %s: peak RSS %d bytes for lengths of %d", name, what, peaks, lengths)
			}
		}
	}
}

// stream sends n bytes through seal and open and returns what memory these took.
func (f *folder) stream(n int64, sealFlags, openFlags []string) (sealing, opening int64) {
	f.Helper()
	seal := f.command(append([]string{"seal", "-to", f.pub("bob")}, sealFlags...)...)
	open := f.command(append([]string{"open", "-i", f.key("bob")}, openFlags...)...)
	seal.Env = append(seal.Env, "SEALFILE_PEAK=seal.status")
	open.Env = append(open.Env, "SEALFILE_PEAK=open.status")
	in, err1 := seal.StdinPipe()
	between, err2 := seal.StdoutPipe()
	open.Stdin = between
	out, err3 := open.StdoutPipe()
	for _, err := range []error{err1, err2, err3, seal.Start(), open.Start()} {
		if err != nil {
			f.Fatal(err)
		}
	}
	wrote := make(chan uint32, 1)
	go func() { wrote <- generate(in, n) }()
	hash := crc32.New(castagnoli)
	if got, err := io.Copy(hash, out); got != n || err != nil || <-wrote != hash.Sum32() {
		f.Fatalf("%d bytes of %d came back (%v), or others", got, n, err)
	}
	return f.peak(seal, "seal.status"), f.peak(open, "open.status")
}

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// generate writes n bytes, of which no MiB is as another, and returns their hash.
func generate(dst io.WriteCloser, n int64) uint32 {
	defer dst.Close()
	hash := crc32.New(castagnoli)
	block := make([]byte, 1<<20)
	for i := range block {
		block[i] = byte(i * i >> 7)
	}
	for i := int64(0); i < n>>20; i++ {
		block[i%int64(len(block))]++
		hash.Write(block)
		if _, err := dst.Write(block); err != nil {
			return 0
		}
	}
	return hash.Sum32()
}

// peak waits for a command and returns the most memory it had, VmHWM in what it
// noted. The Maxrss of its rusage is no less than that of this test, which counts
// until the command has taken its place.
func (f *folder) peak(cmd *exec.Cmd, status string) (bytes int64) {
	f.Helper()
	if err := cmd.Wait(); err != nil {
		f.Fatal(err)
	}
	_, line, _ := strings.Cut(string(f.read(status)), "VmHWM:")
	if _, err := fmt.Sscan(line, &bytes); err != nil {
		f.Fatal(err)
	}
	return bytes << 10 // it is in KiB
}

func raceDetector() bool {
	info, _ := debug.ReadBuildInfo()
	return slices.Contains(info.Settings, debug.BuildSetting{Key: "-race", Value: "true"})
}
