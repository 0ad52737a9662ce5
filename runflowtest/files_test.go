package runflowtest_test

import (
	"encoding/json"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/runflow-io/runflow-go"
)

// fetch gets a link without a token.
func fetch(t *testing.T, link string, header http.Header) (status int, got http.Header, body string) {
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

func TestServer_AddFile_Responses(t *testing.T) {
	t.Parallel()
	server, _ := start(t)
	link := server.AddFile("a b.txt", "text/plain", []byte("text"))
	other := server.AddFile("b", "text/plain", []byte("b"))
	bare, query, _ := strings.Cut(link, "?")
	otherBare, _, _ := strings.Cut(other, "?")
	token := http.Header{"Authorization": {"Bearer " + server.UserToken}}
	for name, tc := range map[string]struct {
		link   string
		header http.Header
		want   int
	}{
		"valid link":          {link, nil, 200},
		"token":               {link, token, 400},
		"no file":             {server.URL + "/files/none?" + query, nil, 404},
		"link to other file":  {otherBare + "?" + query, nil, 403},
		"changed expiry":      {link + "0", nil, 403},
		"no signature":        {bare, nil, 403},
		"expiry not a number": {strings.Replace(link, "X-Expires=", "X-Expires=x", 1), nil, 403},
	} {
		status, _, _ := fetch(t, tc.link, tc.header)
		assert.Equal(t, tc.want, status, name)
	}
}

func TestServer_ExpireFiles_GetSignsAgain(t *testing.T) {
	t.Parallel()
	server, client := start(t)
	link := server.AddFile("a b&c.txt", "text/plain", []byte("text"))
	foreign := strings.Replace(link, "127.0.0.1", "storage.test", 1)
	output, err := json.Marshal(map[string]any{"url": link, "outputs": []string{foreign}})
	require.NoError(t, err)
	escaped := server.AddRun(runflow.Run{Output: output})
	plain := server.AddRun(runflow.Run{Output: runflow.JSON(`{"url":"` + link + `","outputs":["` + foreign + `"]}`)})

	for name, expire := range map[string]func(){
		"ExpireFiles":  server.ExpireFiles,
		"AdvanceClock": func() { server.AdvanceClock(72 * time.Hour) },
	} {
		expire()
		status, _, _ := fetch(t, link, nil)
		assert.Equal(t, 403, status, name)
		for _, id := range []string{escaped.ID, plain.ID} {
			run, err := client.Runs.Get(t.Context(), id, runflow.GetRunParams{})
			require.NoError(t, err)
			var out struct {
				URL     string   `json:"url"`
				Outputs []string `json:"outputs"`
			}
			require.NoError(t, run.Output.Decode(&out))
			assert.Equal(t, []string{foreign}, out.Outputs, "links to other hosts stay as they are")
			status, _, body := fetch(t, out.URL, nil)
			assert.Equal(t, 200, status, name)
			assert.Equal(t, "text", body)
			link = out.URL
		}
	}
}

func TestServer_AddFile_RangeRequest(t *testing.T) {
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
	assert.Equal(t, 200, status, "the file has changed")
	assert.Equal(t, "abcdefghij", body)
}
