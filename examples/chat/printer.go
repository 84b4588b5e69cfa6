package main

import (
	"fmt"
	"io"
	"strings"
	"sync"
	"unicode"
)

// printer writes whole lines, from several goroutines.
type printer struct {
	mu sync.Mutex
	w  io.Writer
}

// line writes what somebody sees. Control characters, which others may have
// typed, are left out.
func (p *printer) line(who, text string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	fmt.Fprintf(p.w, "%-5s | %s\n", who, strings.Map(printable, text))
}

func printable(r rune) rune {
	if unicode.IsPrint(r) {
		return r
	}
	return -1
}
