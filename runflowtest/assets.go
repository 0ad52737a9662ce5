package runflowtest

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/runflow-io/runflow-go"
)

const (
	uploadsPath    = "/uploads/" // of presigned URLs
	uploadLifetime = 15 * time.Minute
	maxUpload      = 50 << 20 // bytes of a file
	maxFilename    = 500      // characters
	maxMIMEType    = 255
	assetRef       = "runflow://assets/"
)

// An upload is an upload session. Its ID is that of the asset.
type upload struct {
	orgID, filename, mimeType string

	size     int64
	isStored bool
}

// assetTypes are the types of files that assets can have. The real list is not known.
func assetTypes() []reference {
	return codes("image/png", "image/jpeg", "image/webp", "image/gif", "video/mp4", "audio/mpeg")
}

func (s *Server) createUpload(r *http.Request, c caller) (any, *problem) {
	b, bad := readBody(r)
	if bad != nil {
		return nil, bad
	}
	u := &upload{orgID: c.orgID}
	errs := slices.Concat(b.requiredText("filename", &u.filename), b.requiredText("mime_type", &u.mimeType))
	for name, limit := range map[string]int{"filename": maxFilename, "mime_type": maxMIMEType} {
		errs = append(errs, b.shortText(name, limit, new(string))...)
	}
	if json.Unmarshal(b["size_bytes"], &u.size) != nil || u.size < 1 || u.size > maxUpload {
		errs = append(errs, badField("body", "size_bytes", fmt.Sprintf("Input should be between 1 and %d", maxUpload), "range"))
	}
	if len(errs) > 0 {
		return nil, invalid(errs...)
	}
	id := s.newID()
	s.uploads[id] = u
	return created{struct {
		AssetID   string `json:"asset_id"`
		UploadURL string `json:"upload_url"`
	}{id, s.signed(uploadsPath, id, "&", uploadLifetime)}}, nil
}

// serveUpload receives the bytes of a file. As on a real storage host, the request
// has the signature in its URL, and errors are XML.
func (s *Server) serveUpload(w http.ResponseWriter, r *http.Request) {
	data, err := io.ReadAll(io.LimitReader(r.Body, maxUpload+1))
	s.mu.Lock()
	defer s.mu.Unlock()
	id := r.PathValue("id")
	u, known := s.uploads[id]
	refuse := func(status int, code string) {
		w.Header().Set("Content-Type", "application/xml")
		w.WriteHeader(status)
		_, _ = fmt.Fprintf(w, "<Error><Code>%s</Code></Error>", code)
	}
	switch {
	case r.Header.Get("Authorization") != "":
		refuse(http.StatusBadRequest, "InvalidArgument")
	case !known || !s.isSigned(r, uploadsPath, id):
		refuse(http.StatusForbidden, "AccessDenied")
	case r.Header.Get("Content-Type") != u.mimeType:
		refuse(http.StatusForbidden, "SignatureDoesNotMatch")
	case r.ContentLength < 0:
		refuse(http.StatusLengthRequired, "MissingContentLength")
	case err != nil || r.ContentLength != u.size || int64(len(data)) != u.size:
		refuse(http.StatusBadRequest, "IncompleteBody")
	default:
		u.isStored = true
		s.addFile(id, u.mimeType, data)
		w.WriteHeader(http.StatusOK)
	}
}

func (s *Server) confirmUpload(r *http.Request, c caller) (any, *problem) {
	id := r.PathValue("asset_upload_id")
	u, ok := s.uploads[id]
	if !ok || u.orgID != c.orgID {
		return nil, notFound("upload")
	}
	var folderID string
	if r.ContentLength != 0 {
		b, bad := readBody(r)
		if bad != nil {
			return nil, bad
		}
		if errs := b.text("folder_id", &folderID); errs != nil {
			return nil, invalid(errs...)
		}
	}
	if !u.isStored {
		return nil, newProblem(http.StatusUnprocessableEntity, "the file has not been stored")
	}
	asset, known := s.assets.byID[id]
	if !known {
		asset = s.putAsset(id, folderID, *u)
	}
	object, bad := s.render(&asset.row, view{})
	return created{object}, bad
}

func (s *Server) putAsset(id, folderID string, u upload) *record[runflow.Asset] {
	now := s.tick()
	kind, _, _ := strings.Cut(u.mimeType, "/")
	s.assets.put(id, u.orgID, runflow.Asset{
		ID: id, OrgID: u.orgID, FolderID: folderID, Name: u.filename, R2Key: "assets/" + id, MIMEType: u.mimeType, SizeBytes: &u.size,
		AssetType: kind, SourceType: "upload", URL: s.link(id, "&"), CreatedAt: now, UpdatedAt: now,
	})
	return s.assets.byID[id]
}

func (s *Server) getAsset(r *http.Request, c caller) (any, *problem) {
	asset, ok := s.assets.byID[r.PathValue("id")]
	if !ok || !asset.isVisible(c) {
		return nil, notFound("asset")
	}
	return s.renderFor(r, &asset.row)
}

// refs matches the references to assets in JSON.
var refs = regexp.MustCompile(`"` + assetRef + `([^"\\]*)"`)

// resolve replaces the references to assets in a JSON value by links.
func (s *Server) resolve(value json.RawMessage) json.RawMessage {
	if !bytes.Contains(value, []byte(assetRef)) {
		return value
	}
	return refs.ReplaceAllFunc(value, func(ref []byte) []byte {
		id := string(refs.FindSubmatch(ref)[1])
		if s.assets.byID[id] == nil {
			return ref
		}
		return []byte(`"` + s.link(id, "&") + `"`)
	})
}

// checkInput refuses references to assets that the caller does not have. It stores
// the files in data URLs as assets, and returns the input with references to them.
func (s *Server) checkInput(c caller, input runflow.JSON) (runflow.JSON, *problem) {
	var value any
	if json.Unmarshal(input, &value) != nil {
		return input, nil
	}
	changed, missing := s.withRefs(c, value)
	if missing != "" {
		return nil, invalid(badField("body", "input", "asset not found or expired: "+missing, "value_error"))
	}
	if !bytes.Contains(input, []byte(`"data:`)) {
		return input, nil
	}
	data, _ := json.Marshal(changed) // it was decoded
	return data, nil
}

// withRefs returns a value with references in place of data URLs, or the first
// reference to an asset that does not exist.
func (s *Server) withRefs(c caller, value any) (changed any, missing string) {
	switch v := value.(type) {
	case map[string]any:
		for _, name := range slices.Sorted(maps.Keys(v)) {
			if v[name], missing = s.withRefs(c, v[name]); missing != "" {
				return nil, missing
			}
		}
	case []any:
		for i := range v {
			if v[i], missing = s.withRefs(c, v[i]); missing != "" {
				return nil, missing
			}
		}
	case string:
		if id, ok := strings.CutPrefix(v, assetRef); ok {
			if asset := s.assets.byID[id]; asset == nil || !asset.isVisible(c) {
				return nil, v
			}
		}
		if mimeType, data, ok := parseDataURL(v); ok {
			id := s.newID()
			s.addFile(id, mimeType, data)
			s.putAsset(id, "", upload{orgID: c.orgID, filename: id, mimeType: mimeType, size: int64(len(data))})
			return assetRef + id, ""
		}
	}
	return value, ""
}

// parseDataURL returns the type and the content of a data URL.
func parseDataURL(text string) (mimeType string, data []byte, ok bool) {
	head, content, ok := strings.Cut(text, ",")
	head, isData := strings.CutPrefix(head, "data:")
	if !ok || !isData || !utf8.ValidString(text) {
		return "", nil, false
	}
	mimeType, isBase64 := strings.CutSuffix(head, ";base64")
	if isBase64 {
		data, err := base64.StdEncoding.DecodeString(content)
		return mimeType, data, err == nil
	}
	plain, err := url.PathUnescape(content)
	return mimeType, []byte(plain), err == nil
}
