package main

import (
	"fmt"
	"strings"
	"sync"
)

// maxShown is the maximum number of findings that are listed.
const maxShown = 20

// findings are the violations that were found.
type findings struct {
	mu    sync.Mutex
	count int
	first []string
}

func (f *findings) add(format string, args ...any) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.count++
	if len(f.first) < maxShown {
		f.first = append(f.first, fmt.Sprintf(format, args...))
	}
}

func (f *findings) err() error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.count == 0 {
		return nil
	}
	return fmt.Errorf("%d findings:\n  %s", f.count, strings.Join(f.first, "\n  "))
}
