package runflowtest_test

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"

	"github.com/shopspring/decimal"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/runflow-io/runflow-go"
	"github.com/runflow-io/runflow-go/runflowtest"
)

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
			stored, _ := server.GetRun(run.ID)
			assert.Contains(t, stored.Input.String(), "runflow://assets/")
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

// Some encoders escape slashes.
func TestServer_CreateRun_EscapedReference(t *testing.T) {
	t.Parallel()
	server, client := start(t)
	asset := uploadPicture(t, client)
	escaped := strings.ReplaceAll(asset.Ref(), "/", `\/`)
	status, body := send(t, server, http.MethodPost, modelRuns, `{"input":{"image":"`+escaped+`"}}`)
	assert.Equal(t, 201, status)
	assert.NotContains(t, body, "runflow:")
	assert.Contains(t, body, `"image":"`+server.URL+"/files/"+asset.ID)
}

func TestServer_CreateRun_DataURLKeepsOtherValues(t *testing.T) {
	t.Parallel()
	server, client := start(t)
	input := runflow.JSON(`{"image":"data:image/png;base64,iVBORw0K","seed":12345678901234567890,"text":"<&>","list":[1.10,null,true]}`)
	run, err := client.Models.CreateRun(t.Context(), "acme/cat/2.0", runflow.CreateRunParams{Input: input})
	require.NoError(t, err)
	stored, _ := server.GetRun(run.ID)
	for _, want := range []string{`"seed":12345678901234567890`, `[1.10,null,true]`, `"image":"runflow://assets/`} {
		assert.Contains(t, stored.Input.String(), want)
	}
	var text struct {
		Text string `json:"text"`
	}
	require.NoError(t, stored.Input.Decode(&text))
	assert.Equal(t, "<&>", text.Text)
}

func TestServer_CreateRun_TextIsNotDataURL(t *testing.T) {
	t.Parallel()
	server, client := start(t)
	for _, text := range []string{"data: a cat, a dog", "data:,", "data:image/png", "data:image/png;base64,???", "data:text/plain,%zz", "the data:text/plain,a", ""} {
		input := map[string]any{"prompt": text}
		run, err := client.Models.CreateRun(t.Context(), "acme/cat/2.0", runflow.CreateRunParams{Input: input})
		require.NoError(t, err)
		stored, _ := server.GetRun(run.ID)
		want, err := json.Marshal(input)
		require.NoError(t, err)
		assert.JSONEq(t, string(want), stored.Input.String())
	}
	assert.Empty(t, listAssets(t, client))
}

func TestServer_RefusedRequestCreatesNoAssets(t *testing.T) {
	t.Parallel()
	const dataURL = "data:image/png;base64,iVBORw0K"
	noMoney := func(s *runflowtest.Server) { s.SetBalance(s.OrgID, decimal.Zero) }
	for name, tc := range map[string]struct {
		refuse func(*runflowtest.Server)
		input  map[string]any
		want   error
	}{
		"balance too low": {noMoney, map[string]any{"image": dataURL}, runflow.ErrInsufficientCredit},
		"unknown asset":   {func(*runflowtest.Server) {}, map[string]any{"a": dataURL, "image": "runflow://assets/none"}, runflow.ErrValidation},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			server, client := start(t)
			server.SetPrice("acme/cat/2.0", decimal.NewFromInt(1))
			tc.refuse(server)
			_, err := client.Models.CreateRun(t.Context(), "acme/cat/2.0", runflow.CreateRunParams{Input: tc.input})
			require.ErrorIs(t, err, tc.want)
			inputs := []runflow.BatchInput{{Input: map[string]any{"image": dataURL}}, {Input: tc.input}}
			_, err = client.Models.CreateBatch(t.Context(), "acme/cat/2.0", runflow.CreateBatchParams{Inputs: inputs})
			require.ErrorIs(t, err, tc.want)
			_, err = client.Evaluations.Create(t.Context(), runflow.CreateEvaluationParams{
				GeneratedImageURL: dataURL, TaskType: "edit", ReferenceImages: []runflow.ReferenceImage{{URL: tc.input["image"].(string)}},
			})
			require.ErrorIs(t, err, tc.want)
			assert.Empty(t, listAssets(t, client))
			assert.Empty(t, server.Runs())
		})
	}
}
