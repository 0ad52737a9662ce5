// Package acceptance_test contains tests that take a long time, or that need
// modules that users of the SDK should not have to download.
package acceptance_test

import (
	"flag"
	"os"
	"testing"
)

func TestMain(m *testing.M) {
	flag.Parse()
	_ = flag.Set("test.parallel", "64") // most tests wait and use little CPU time
	os.Exit(m.Run())
}
