package main

import (
	"encoding/xml"
	"errors"
	"io"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestLandscape(t *testing.T) {
	t.Parallel()
	got := string(landscape("hills"))
	assert.Equal(t, got, string(landscape("hills")), "the same prompt has the same picture")
	assert.NotEqual(t, got, string(landscape("dawn")))
	decoder := xml.NewDecoder(strings.NewReader(got))
	for {
		_, err := decoder.Token()
		if errors.Is(err, io.EOF) {
			return
		}
		require.NoError(t, err)
	}
}
