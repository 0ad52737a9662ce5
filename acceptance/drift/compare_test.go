package main

import (
	"bytes"
	"context"
	"flag"
	"maps"
	"os"
	"path/filepath"
	"sync"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// recorded returns the uses of all endpoints. All tests share them.
var recorded = sync.OnceValues(func() (map[string]use, error) { return usesOf(context.Background()) })

// allUses returns the uses of all endpoints.
func allUses(t *testing.T) map[string]use {
	t.Helper()
	uses, err := recorded()
	require.NoError(t, err)
	return uses
}

// differences compares uses with a document.
func differences(t *testing.T, uses map[string]use, document []byte) *report {
	t.Helper()
	doc, err := parse(t.Context(), document)
	require.NoError(t, err)
	r, err := compare(uses, doc)
	require.NoError(t, err)
	return r
}

func TestCompare_NoDifferences(t *testing.T) {
	t.Parallel()
	for _, d := range dialects {
		t.Run(d.name, func(t *testing.T) {
			t.Parallel()
			uses := allUses(t)
			r := differences(t, uses, newDocument(d, uses).encode(t))
			assert.Empty(t, r.Differences)
			assert.Equal(t, len(uses), r.Compared)
			assert.Equal(t, d.openapi, r.OpenAPI)
		})
	}
}

// update writes the tables that the tests want.
var update = flag.Bool("update", false, "write the files testdata/*.txt")

// The documents of testdata are written by hand, as generators write them. Only the
// endpoints that they have are compared.
func TestCompare_Documents(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"fastapi-3.1.json", "openapi-3.0.yaml"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			file := filepath.Join("testdata", name)
			doc, err := load(t.Context(), options{spec: file})
			require.NoError(t, err)
			operations, err := operationsOf(doc)
			require.NoError(t, err)
			uses := maps.Clone(allUses(t))
			maps.DeleteFunc(uses, func(key string, _ use) bool { _, ok := operations[key]; return !ok })
			r, err := compare(uses, doc)
			require.NoError(t, err)
			var table bytes.Buffer
			r.print(&table)
			if *update {
				require.NoError(t, os.WriteFile(file+".txt", table.Bytes(), 0o600))
			}
			want, err := os.ReadFile(file + ".txt")
			require.NoError(t, err)
			assert.Equal(t, string(want), table.String())
		})
	}
}
