package runflow_test

import (
	"testing"

	"github.com/runflow-io/runflow-go/internal/faults"
)

func TestCallsMeetWithEachFaultAsDocumented(t *testing.T) {
	t.Parallel()
	faults.Tabulate(t, "FAULTS.md", "over sockets", faults.All(),
		func(t *testing.T, fault faults.Fault, class faults.Class, lasting bool) faults.Meeting {
			t.Helper()
			return faults.Meet(t, fault, class, lasting)
		})
}
