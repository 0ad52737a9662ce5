package runflowtest_test

import (
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/runflow-io/runflow-go"
)

// fetch reads a link as a storage host is read.
func fetch(t *testing.T, link string, header http.Header) (status int, answer http.Header, body string) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, link, http.NoBody)
	require.NoError(t, err)
	req.Header = header
	resp, err := http.DefaultClient.Do(req)
	require.NoError(t, err)
	defer resp.Body.Close()
	data, err := io.ReadAll(resp.Body)
	require.NoError(t, err)
	return resp.StatusCode, resp.Header, string(data)
}

func TestLinksExpireUntilTheRunIsReadAgain(t *testing.T) {
	t.Parallel()
	server, client := start(t)
	link := server.AddFile("a b&c.txt", "text/plain", []byte("text"))
	foreign := strings.Replace(link, "127.0.0.1", "storage.test", 1)
	output, err := runflow.NewJSON(map[string]any{"url": link, "outputs": []string{foreign}})
	require.NoError(t, err)
	written := server.AddRun(runflow.Run{Output: output})
	spliced := server.AddRun(runflow.Run{Output: runflow.JSON(`{"url":"` + link + `","outputs":["` + foreign + `"]}`)})

	for name, expire := range map[string]func(){
		"at once": server.ExpireFiles,
		"in time": func() { server.Advance(72 * time.Hour) },
	} {
		expire()
		status, _, _ := fetch(t, link, nil)
		assert.Equal(t, 403, status, name)
		for _, id := range []string{written.ID, spliced.ID} {
			run, err := client.Runs.Get(t.Context(), id, nil)
			require.NoError(t, err)
			var out struct {
				URL     string   `json:"url"`
				Outputs []string `json:"outputs"`
			}
			require.NoError(t, run.Output.Decode(&out))
			assert.Equal(t, []string{foreign}, out.Outputs, "another host's links are its own")
			status, _, body := fetch(t, out.URL, nil)
			assert.Equal(t, 200, status, name)
			assert.Equal(t, "text", body)
			link = out.URL
		}
	}
}

func TestALinkIsGoodForOneFile(t *testing.T) {
	t.Parallel()
	server, _ := start(t)
	link := server.AddFile("a", "text/plain", []byte("a"))
	server.AddFile("b", "text/plain", []byte("b"))
	bare, _, _ := strings.Cut(link, "?")
	for name, forged := range map[string]string{
		"another file":    strings.Replace(link, "/files/a", "/files/b", 1),
		"a later expiry":  link + "0",
		"no signature":    bare,
		"half the expiry": strings.Replace(link, "X-Expires=", "X-Expires=x", 1),
	} {
		status, _, _ := fetch(t, forged, nil)
		assert.Equal(t, 403, status, name)
	}
}

func TestADownloadResumesOnlyTheSameFile(t *testing.T) {
	t.Parallel()
	server, _ := start(t)
	link := server.AddFile("a", "text/plain", []byte("0123456789"))
	_, whole, _ := fetch(t, link, nil)
	rest := http.Header{"Range": {"bytes=4-"}, "If-Range": {whole.Get("ETag")}}
	status, header, body := fetch(t, link, rest)
	assert.Equal(t, 206, status)
	assert.Equal(t, "456789", body)
	assert.Equal(t, "bytes 4-9/10", header.Get("Content-Range"))
	assert.Equal(t, "text/plain", header.Get("Content-Type"))

	server.AddFile("a", "text/plain", []byte("abcdefghij"))
	status, _, body = fetch(t, link, rest)
	assert.Equal(t, 200, status, "it has become another")
	assert.Equal(t, "abcdefghij", body)
}
