// Package acceptance_test holds the tests that take long, or that need modules
// which users of the SDK should not have to download.
package acceptance_test

import (
	"flag"
	"os"
	"testing"
)

func TestMain(m *testing.M) {
	flag.Parse()
	_ = flag.Set("test.parallel", "64") // nearly all tests wait for something
	os.Exit(m.Run())
}
