// Package acceptance_test holds the tests that need more than users of the SDK
// should carry.
package acceptance_test

import (
	"flag"
	"os"
	"testing"
)

func TestMain(m *testing.M) {
	flag.Parse()
	_ = flag.Set("test.parallel", "64") // nearly all of them wait
	os.Exit(m.Run())
}
