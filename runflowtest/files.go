package runflowtest

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"regexp"
	"strconv"
	"time"
)

// file is what the storage host holds.
type file struct {
	contentType string
	data        []byte
}

// pixel is a picture: one transparent pixel as PNG.
const pixel = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="

// AddFile stores a file, in place of one with the same name, and returns a
// signed link to it, for an output. The server signs its links in a run's output
// anew whenever the run is read.
func (s *Server) AddFile(name, contentType string, data []byte) string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.addFile(name, contentType, data)
}

func (s *Server) addFile(name, contentType string, data []byte) string {
	s.files[name] = file{contentType: contentType, data: bytes.Clone(data)}
	return fmt.Sprintf("%s/files/%s?X-Signature=%d", s.URL, url.PathEscape(name), s.signature)
}

// ExpireFiles makes every link that was given out answer 403 from now on.
func (s *Server) ExpireFiles() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.signature++
}

// picture is a success with a picture.
func (s *Server) picture() Step {
	data, _ := base64.StdEncoding.DecodeString(pixel)
	return Succeed(map[string][]string{"image_urls": {s.addFile("output.png", "image/png", data)}})
}

var signature = regexp.MustCompile(`(/files/[^"?\\]+)\?X-Signature=\d+`)

// sign signs the links in a value anew.
func (s *Server) sign(value json.RawMessage) json.RawMessage {
	return signature.ReplaceAll(value, fmt.Appendf(nil, "$1?X-Signature=%d", s.signature))
}

// serveFile is the storage host. It takes a token of the API for a mistake.
func (s *Server) serveFile(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	f, known := s.files[r.PathValue("name")]
	valid := r.URL.Query().Get("X-Signature") == strconv.Itoa(s.signature)
	s.mu.Unlock()
	switch {
	case r.Header.Get("Authorization") != "":
		http.Error(w, "only one authorization is allowed", http.StatusBadRequest)
	case !valid:
		http.Error(w, "the link has expired", http.StatusForbidden)
	case !known:
		http.Error(w, "no such file", http.StatusNotFound)
	default:
		w.Header().Set("Content-Type", f.contentType)
		w.Header().Set("ETag", fmt.Sprintf(`"%d-%s"`, len(f.data), r.PathValue("name")))
		http.ServeContent(w, r, "", time.Time{}, bytes.NewReader(f.data))
	}
}
