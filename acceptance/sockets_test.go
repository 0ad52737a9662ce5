package acceptance_test

import (
	"testing"

	"github.com/runflow-io/runflow-go/internal/testing/faults"
)

// document describes the behavior of calls under faults.
const document = "../docs/faults.md"

func TestFaults_OverSockets(t *testing.T) { //nolint:paralleltest // it would delay the tests in real time
	faults.Tabulate(t, document, "over sockets", faults.All(), faults.Run)
}
