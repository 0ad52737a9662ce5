package runflowtest_test

import (
	"bytes"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"maps"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/runflow-io/runflow-go"
	"github.com/runflow-io/runflow-go/runflowtest"
)

var picture = []byte("\x89PNG\r\n\x1a\nnot really a picture")

func uploadPicture(t *testing.T, client *runflow.Client) *runflow.Asset {
	t.Helper()
	asset, err := client.Assets.Upload(t.Context(), bytes.NewReader(picture), runflow.UploadParams{Filename: "cat.png"})
	require.NoError(t, err)
	return asset
}

func TestServer_Upload(t *testing.T) {
	t.Parallel()
	server := runflowtest.New(t)
	client := newClient(t, server, server.APIKey)
	asset := uploadPicture(t, client)
	assert.Equal(t, "cat.png", asset.Name)
	assert.Equal(t, "image/png", asset.MIMEType)
	assert.Equal(t, int64(len(picture)), *asset.SizeBytes)

	again, err := client.Assets.Get(t.Context(), asset.ID, runflow.GetAssetParams{})
	require.NoError(t, err)
	status, _, body := fetch(t, again.URL, nil)
	assert.Equal(t, http.StatusOK, status)
	assert.Equal(t, string(picture), body)

	server.AdvanceClock(100 * 24 * time.Hour)
	status, _, _ = fetch(t, again.URL, nil)
	assert.Equal(t, http.StatusForbidden, status)

	_, err = client.Assets.Get(t.Context(), "019b76da-a800-7000-8000-000000000000", runflow.GetAssetParams{})
	require.ErrorIs(t, err, runflow.ErrNotFound)
}

func TestServer_Upload_Refusals(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		expire bool
		header http.Header
		body   string
		want   int
	}{
		"accepted":         {body: "0123456789", want: http.StatusOK},
		"token":            {header: http.Header{"Authorization": {"Bearer x"}}, body: "0123456789", want: http.StatusBadRequest},
		"other type":       {header: http.Header{"Content-Type": {"image/gif"}}, body: "0123456789", want: http.StatusForbidden},
		"other size":       {body: "012345678", want: http.StatusBadRequest},
		"URL has expired":  {expire: true, body: "0123456789", want: http.StatusForbidden},
		"no file was sent": {want: 0},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			server := runflowtest.New(t)
			client := newClient(t, server, server.APIKey)
			var session struct {
				AssetID   string `json:"asset_id"`
				UploadURL string `json:"upload_url"`
			}
			body := map[string]any{"filename": "a.png", "mime_type": "image/png", "size_bytes": 10}
			require.NoError(t, client.Do(t.Context(), http.MethodPost, "/v1/asset-uploads", body, &session))
			if tc.expire {
				server.AdvanceClock(time.Hour)
			}
			if tc.want != 0 {
				req, err := http.NewRequestWithContext(t.Context(), http.MethodPut, session.UploadURL, strings.NewReader(tc.body))
				require.NoError(t, err)
				req.Header = http.Header{"Content-Type": {"image/png"}}
				maps.Copy(req.Header, tc.header)
				resp, err := http.DefaultClient.Do(req)
				require.NoError(t, err)
				defer resp.Body.Close()
				assert.Equal(t, tc.want, resp.StatusCode)
			}
			err := client.Do(t.Context(), http.MethodPost, "/v1/asset-uploads/"+session.AssetID+"/confirmations", nil, nil)
			if tc.want == http.StatusOK {
				require.NoError(t, err)
			} else {
				require.ErrorIs(t, err, runflow.ErrValidation)
			}
		})
	}
}

func TestServer_CreateUpload_BadBody(t *testing.T) {
	t.Parallel()
	server := runflowtest.New(t)
	client := newClient(t, server, server.APIKey)
	for name, body := range map[string]any{
		"no filename":       map[string]any{"mime_type": "image/png", "size_bytes": 1},
		"long filename":     map[string]any{"filename": strings.Repeat("a", 501), "mime_type": "image/png", "size_bytes": 1},
		"no size":           map[string]any{"filename": "a", "mime_type": "image/png"},
		"larger than 50 MB": map[string]any{"filename": "a", "mime_type": "image/png", "size_bytes": 50<<20 + 1},
	} {
		err := client.Do(t.Context(), http.MethodPost, "/v1/asset-uploads", body, nil)
		require.ErrorIs(t, err, runflow.ErrValidation, name)
	}
}

// The reference to an asset becomes a link when the run is read.
func TestServer_CreateRun_AssetAsInput(t *testing.T) {
	t.Parallel()
	server := runflowtest.New(t)
	server.AddModel("acme/cat", runflow.Model{})
	client := newClient(t, server, server.APIKey)
	asset := uploadPicture(t, client)
	for name, value := range map[string]any{
		"reference":       asset.Ref(),
		"data URL":        "data:image/png;base64,iVBORw0KGgpub3QgcmVhbGx5IGEgcGljdHVyZQ==",
		"plain data URL":  "data:text/plain,%89PNG%0D%0A%1A%0Anot%20really%20a%20picture",
		"nested in lists": []any{map[string]any{"url": asset.Ref()}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			run, err := client.Models.CreateRun(t.Context(), "acme/cat", runflow.CreateRunParams{Input: map[string]any{"image": value}})
			require.NoError(t, err)
			run, err = client.Runs.Get(t.Context(), run.ID, runflow.GetRunParams{})
			require.NoError(t, err)
			assert.NotContains(t, string(run.Input), "runflow://")
			assert.NotContains(t, string(run.Input), "data:")
			link, err := findURL(run.Input)
			require.NoError(t, err)
			status, _, body := fetch(t, link, nil)
			assert.Equal(t, http.StatusOK, status)
			assert.Equal(t, string(picture), body)
		})
	}
}

func findURL(input runflow.JSON) (string, error) {
	start := strings.Index(string(input), `"http`)
	var link string
	err := json.NewDecoder(strings.NewReader(string(input[start:]))).Decode(&link)
	return link, err
}

func TestServer_CreateRun_UnknownAsset(t *testing.T) {
	t.Parallel()
	server := runflowtest.New(t)
	server.AddModel("acme/cat", runflow.Model{})
	server.AddAPIKey("other", "another-organization")
	asset := uploadPicture(t, newClient(t, server, server.APIKey))
	client := newClient(t, server, "other")
	input := map[string]any{"image": asset.Ref()}
	_, err := client.Models.CreateRun(t.Context(), "acme/cat", runflow.CreateRunParams{Input: input})
	require.ErrorIs(t, err, runflow.ErrValidation)
	_, err = client.Models.CreateBatch(t.Context(), "acme/cat", runflow.CreateBatchParams{Inputs: []runflow.BatchInput{{Input: input}}})
	require.ErrorIs(t, err, runflow.ErrValidation)
	assert.Empty(t, server.Runs())
}

func TestNewTLSServer(t *testing.T) {
	t.Parallel()
	server := runflowtest.NewTLSServer()
	t.Cleanup(server.Close)
	roots := x509.NewCertPool()
	roots.AddCert(server.Certificate())
	transport := &http.Transport{TLSClientConfig: &tls.Config{RootCAs: roots, MinVersion: tls.VersionTLS13}}
	t.Cleanup(transport.CloseIdleConnections)
	client, err := runflow.NewClient(server.APIKey, runflow.WithBaseURL(server.URL), runflow.WithHTTPClient(&http.Client{Transport: transport}))
	require.NoError(t, err)
	asset := uploadPicture(t, client)
	assert.True(t, strings.HasPrefix(asset.URL, "https://127.0.0.1:"), asset.URL)
	assert.Nil(t, runflowtest.New(t).Certificate())
}
