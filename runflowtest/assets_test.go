package runflowtest_test

import (
	"bytes"
	"cmp"
	"crypto/tls"
	"crypto/x509"
	"maps"
	"net/http"
	"strings"
	"sync"
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
		expire func(*runflowtest.Server)
		header http.Header
		body   string
		length int64 // 0 means that of the body
		want   int
	}{
		"accepted":         {body: "0123456789", want: http.StatusOK},
		"token":            {header: http.Header{"Authorization": {"Bearer x"}}, body: "0123456789", want: http.StatusBadRequest},
		"other type":       {header: http.Header{"Content-Type": {"image/gif"}}, body: "0123456789", want: http.StatusForbidden},
		"no length":        {body: "0123456789", length: -1, want: http.StatusLengthRequired},
		"other size":       {body: "012345678", want: http.StatusBadRequest},
		"URL has expired":  {expire: func(s *runflowtest.Server) { s.AdvanceClock(15 * time.Minute) }, body: "0123456789", want: http.StatusForbidden},
		"ExpireFiles":      {expire: (*runflowtest.Server).ExpireFiles, body: "0123456789", want: http.StatusForbidden},
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
			if tc.expire != nil {
				tc.expire(server)
			}
			if tc.want != 0 {
				req, err := http.NewRequestWithContext(t.Context(), http.MethodPut, session.UploadURL, strings.NewReader(tc.body))
				require.NoError(t, err)
				req.Header = http.Header{"Content-Type": {"image/png"}}
				maps.Copy(req.Header, tc.header)
				req.ContentLength = cmp.Or(tc.length, req.ContentLength)
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
		"no filename":        map[string]any{"mime_type": "image/png", "size_bytes": 1},
		"long filename":      map[string]any{"filename": strings.Repeat("a", 501), "mime_type": "image/png", "size_bytes": 1},
		"filename no string": map[string]any{"filename": 1, "mime_type": "image/png", "size_bytes": 1},
		"no type":            map[string]any{"filename": "a", "size_bytes": 1},
		"no size":            map[string]any{"filename": "a", "mime_type": "image/png"},
		"empty file":         map[string]any{"filename": "a", "mime_type": "image/png", "size_bytes": 0},
		"larger than 50 MiB": map[string]any{"filename": "a", "mime_type": "image/png", "size_bytes": 50<<20 + 1},
	} {
		err := client.Do(t.Context(), http.MethodPost, "/v1/asset-uploads", body, nil)
		require.ErrorIs(t, err, runflow.ErrValidation, name)
	}
	require.ErrorIs(t, client.Do(t.Context(), http.MethodPost, "/v1/asset-uploads", []int{}, nil), runflow.ErrBadRequest)
}

// lateReader is a file that is read only after the presigned URL has expired, once.
type lateReader struct {
	*bytes.Reader

	expire func()
}

func (r *lateReader) Read(p []byte) (int, error) {
	r.expire()
	return r.Reader.Read(p)
}

func TestServer_Upload_ExpiredSession(t *testing.T) {
	t.Parallel()
	server := runflowtest.New(t)
	client := newClient(t, server, server.APIKey)
	file := &lateReader{bytes.NewReader(picture), sync.OnceFunc(func() { server.AdvanceClock(time.Hour) })}
	asset, err := client.Assets.Upload(t.Context(), file, runflow.UploadParams{Filename: "cat.png", MIMEType: "image/png"})
	require.NoError(t, err)
	status, _, body := fetch(t, asset.URL, nil)
	assert.Equal(t, http.StatusOK, status)
	assert.Equal(t, string(picture), body)
	var paths []string
	for _, r := range server.Requests() {
		paths = append(paths, r.Path)
	}
	const session = "/v1/asset-uploads"
	assert.Equal(t, []string{session, session, session + "/" + asset.ID + "/confirmations"}, paths)
}

func TestServer_ConfirmUpload_Again(t *testing.T) {
	t.Parallel()
	server := runflowtest.New(t)
	client := newClient(t, server, server.APIKey)
	asset := uploadPicture(t, client)
	var again runflow.Asset
	confirmations := "/v1/asset-uploads/" + asset.ID + "/confirmations"
	require.NoError(t, client.Do(t.Context(), http.MethodPost, confirmations, nil, &again))
	assert.Equal(t, asset.CreatedAt, again.CreatedAt)
	assert.Len(t, listAssets(t, client), 1)
	for _, body := range []string{`{"folder_id":1}`, `[]`} {
		status, _ := send(t, server, http.MethodPost, confirmations, body)
		assert.Contains(t, []int{400, 422}, status, body)
	}
	status, _ := send(t, server, http.MethodPost, "/v1/asset-uploads/none/confirmations", "{}")
	assert.Equal(t, 404, status)
}

func listAssets(t *testing.T, client *runflow.Client) []runflow.Asset {
	t.Helper()
	var page runflow.Page[runflow.Asset]
	require.NoError(t, client.Do(t.Context(), http.MethodGet, "/v1/assets", nil, &page))
	return page.Items
}

func TestServer_Assets_CreatedByUser(t *testing.T) {
	t.Parallel()
	server := runflowtest.New(t)
	for token, wantUser := range map[string]bool{server.UserToken: true, server.APIKey: false} {
		client := newClient(t, server, token)
		asset := uploadPicture(t, client)
		assert.Nil(t, asset.CreatedByUser)
		asset, err := client.Assets.Get(t.Context(), asset.ID, runflow.GetAssetParams{Embed: []runflow.AssetEmbed{runflow.AssetEmbedCreatedByUser}})
		require.NoError(t, err)
		assert.NotEmpty(t, asset.CreatedBy)
		assert.Equal(t, wantUser, asset.CreatedByUser != nil)
	}
}

func TestServer_Assets_UpdateAndDelete(t *testing.T) {
	t.Parallel()
	server := runflowtest.New(t)
	server.AddModel("acme/cat", runflow.Model{})
	server.AddAPIKey("other", "another-organization")
	client, other := newClient(t, server, server.APIKey), newClient(t, server, "other")
	asset := uploadPicture(t, client)
	path := "/v1/assets/" + asset.ID
	params := runflow.CreateRunParams{Input: map[string]any{"image": asset.Ref()}}
	run, err := client.Models.CreateRun(t.Context(), "acme/cat", params)
	require.NoError(t, err)

	assert.Empty(t, listAssets(t, other))
	require.ErrorIs(t, other.Do(t.Context(), http.MethodDelete, path, nil, nil), runflow.ErrNotFound)
	require.ErrorIs(t, other.Do(t.Context(), http.MethodPatch, path, map[string]any{}, nil), runflow.ErrNotFound)
	require.ErrorIs(t, client.Do(t.Context(), http.MethodPatch, path, map[string]any{"name": 1}, nil), runflow.ErrValidation)
	require.ErrorIs(t, client.Do(t.Context(), http.MethodPatch, path, []int{}, nil), runflow.ErrBadRequest)
	for _, folder := range []any{"folder-1", nil} {
		require.NoError(t, client.Do(t.Context(), http.MethodPatch, path, map[string]any{"name": "dog.png", "folder_id": folder}, nil))
		assets := listAssets(t, client)
		require.Len(t, assets, 1)
		assert.Equal(t, "dog.png", assets[0].Name)
		assert.Equal(t, folder == nil, assets[0].FolderID == "")
	}

	link := listAssets(t, client)[0].URL
	require.NoError(t, client.Do(t.Context(), http.MethodDelete, path, nil, nil))
	assert.Empty(t, listAssets(t, client))
	_, err = client.Assets.Get(t.Context(), asset.ID, runflow.GetAssetParams{})
	require.ErrorIs(t, err, runflow.ErrNotFound)
	require.ErrorIs(t, client.Do(t.Context(), http.MethodDelete, path, nil, nil), runflow.ErrNotFound)
	status, _, _ := fetch(t, link, nil)
	assert.Equal(t, http.StatusNotFound, status)
	_, err = client.Models.CreateRun(t.Context(), "acme/cat", params)
	require.ErrorIs(t, err, runflow.ErrValidation)
	run, err = client.Runs.Get(t.Context(), run.ID, runflow.GetRunParams{})
	require.NoError(t, err)
	assert.JSONEq(t, `{"image":"`+asset.Ref()+`"}`, run.Input.String(), "there is no file to link to")
}

func TestServer_Assets_ListTypes(t *testing.T) {
	t.Parallel()
	server := runflowtest.New(t)
	types, err := newClient(t, server, server.APIKey).Assets.ListTypes(t.Context())
	require.NoError(t, err)
	require.NotEmpty(t, types.Items)
	assert.Equal(t, "image/png", types.Items[0].Code)
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
