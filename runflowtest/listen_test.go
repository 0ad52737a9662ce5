package runflowtest_test

import (
	"net"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/runflow-io/runflow-go"
	"github.com/runflow-io/runflow-go/runflowtest"
)

func TestListen_Address(t *testing.T) {
	t.Parallel()
	server, err := runflowtest.Listen(t.Context(), "127.0.0.2:0")
	require.NoError(t, err)
	t.Cleanup(server.Close)
	assert.Contains(t, server.URL, "http://127.0.0.2:")
	client, err := runflow.NewClient(server.APIKey, runflow.WithBaseURL(server.URL))
	require.NoError(t, err)
	_, err = client.Models.List(t.Context(), runflow.ListModelsParams{})
	require.NoError(t, err)
}

func TestListen_URL(t *testing.T) {
	t.Parallel()
	server, err := runflowtest.Listen(t.Context(), "127.0.0.1:0")
	require.NoError(t, err)
	t.Cleanup(server.Close)
	address := server.URL
	server.URL = "http://runflow.example"
	link := server.AddFile("a.png", "image/png", nil)
	run := server.AddRun(runflow.Run{Output: runflow.JSON(`"` + link + `"`)})
	client, err := runflow.NewClient(server.APIKey, runflow.WithBaseURL(address))
	require.NoError(t, err)
	server.ExpireFiles()
	got, err := client.Runs.Get(t.Context(), run.ID, runflow.GetRunParams{})
	require.NoError(t, err)
	require.Len(t, got.OutputFiles(), 1)
	signed := got.OutputFiles()[0].URL
	assert.True(t, strings.HasPrefix(signed, "http://runflow.example/files/a.png?"), signed)
	assert.NotEqual(t, link, signed, "the link is signed again")
}

func TestListen_UsedAddress(t *testing.T) {
	t.Parallel()
	used, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer used.Close()
	_, err = runflowtest.Listen(t.Context(), used.Addr().String())
	require.ErrorContains(t, err, "address already in use")
}
