// Package program is the main function of the programs whose size, modules and
// cold start are compared: it rates one run at the URL of its first argument.
package program

import (
	"context"
	"net/http"
	"os"
)

// Main rates a run.
func Main(connect func(*http.Client, string, func() any) (func(context.Context) error, error)) {
	rate, err := connect(&http.Client{}, os.Args[1], func() any { return new(struct{ ID string }) })
	if err == nil {
		err = rate(context.Background())
	}
	if err != nil {
		os.Stderr.WriteString(err.Error() + "\n")
		os.Exit(1)
	}
}
