package runflowtest

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"slices"
	"time"
)

const (
	uploadsPath    = "/uploads/" // of presigned URLs
	uploadLifetime = 15 * time.Minute
	maxUpload      = 50 << 20 // bytes of a file
	maxFilename    = 500      // characters
	maxMIMEType    = 255
)

// An upload is an upload session. Its ID is that of the asset.
type upload struct {
	orgID, filename, mimeType string

	size     int64
	isStored bool
}

func (s *Server) createUpload(r *http.Request, c caller) (any, *problem) {
	b, bad := readBody(r)
	if bad != nil {
		return nil, bad
	}
	u := &upload{orgID: c.orgID}
	errs := slices.Concat(
		b.requiredShortText("filename", maxFilename, &u.filename),
		b.requiredShortText("mime_type", maxMIMEType, &u.mimeType),
	)
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

// serveUpload receives the bytes of a file. Like a real storage host, it refuses a
// request with both a token and a signature, and its errors are XML.
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
		s.putFile(id, u.mimeType, data)
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
	if s.assets.byID[id] == nil {
		s.putAsset(c, id, folderID, *u)
	}
	object, bad := s.render(&s.assets.byID[id].row, view{})
	return created{object}, bad
}
