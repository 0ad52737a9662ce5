package runflowtest

import (
	"bytes"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/runflow-io/runflow-go"
)

// filesPath is the path of the storage host.
const filesPath = "/files/"

// isStorage reports whether a request is for the storage host, and not for the API.
func isStorage(r *http.Request) bool {
	return strings.HasPrefix(r.URL.Path, filesPath) || strings.HasPrefix(r.URL.Path, uploadsPath)
}

// linkLifetime is the time after which a link expires. A user of the API has
// measured it.
const linkLifetime = 72 * time.Hour

// A file is a file that the storage host serves.
type file struct {
	contentType string
	data        []byte
	etag        string
}

// pixel is an image: one transparent pixel as PNG.
const pixel = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="

// AddFile stores a file, or replaces the one with the same name, and returns a signed
// link to it, to be used in the output of a run. The link expires after three days by
// the server's clock. The server signs the links in a run again whenever the run is
// fetched.
func (s *Server) AddFile(name, contentType string, data []byte) string {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.putFile(name, contentType, bytes.Clone(data))
	return s.link(escapeName(name), "&")
}

// putFile stores a file. Its data must not be changed.
func (s *Server) putFile(name, contentType string, data []byte) {
	s.files[name] = file{contentType: contentType, data: data, etag: fmt.Sprintf(`"%x"`, sha256.Sum256(data))}
}

// ExpireFiles makes all existing links to files and all presigned URLs for uploads
// expire: the server refuses requests for them with 403.
func (s *Server) ExpireFiles() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.generation++
}

// stepImage returns a step that makes a run succeed with an image. The output has
// the usual form of the API's image models.
func (s *Server) stepImage() Step {
	type outputFile struct {
		URL  string `json:"url"`
		Type string `json:"type"`
	}
	type output struct {
		Outputs      []outputFile `json:"outputs"`
		Seed         *int         `json:"seed"`
		Timing       runflow.JSON `json:"timing"`
		NSFWDetected *bool        `json:"nsfw_detected"`
	}
	data, _ := base64.StdEncoding.DecodeString(pixel)
	s.putFile("output.png", "image/png", data)
	return StepSucceed(output{Outputs: []outputFile{{URL: s.link("output.png", "&"), Type: "image"}}})
}

// escapeName escapes a name for a path. The result has no characters that JSON can
// escape.
func escapeName(name string) string { return strings.ReplaceAll(url.PathEscape(name), "&", "%26") }

// link returns a link to a file with an escaped name. The ampersand is "&" or its form
// in JSON.
func (s *Server) link(name, ampersand string) string {
	return s.signed(filesPath, name, ampersand, linkLifetime)
}

// signed returns a URL below path that is valid for a limited time.
func (s *Server) signed(path, name, ampersand string, lifetime time.Duration) string {
	expires := s.now.Add(lifetime).Unix()
	return fmt.Sprintf("%s%s%s?X-Signature=%s%sX-Expires=%d", s.URL, path, name, s.signature(path+name, expires), ampersand, expires)
}

// isSigned reports whether r has a URL that was signed and has not expired.
func (s *Server) isSigned(r *http.Request, path, name string) bool {
	query := r.URL.Query()
	expires, err := strconv.ParseInt(query.Get("X-Expires"), 10, 64)
	return err == nil && s.now.Before(time.Unix(expires, 0)) && query.Get("X-Signature") == s.signature(path+name, expires)
}

func (s *Server) signature(path string, expires int64) string {
	mac := hmac.New(sha256.New, []byte(strconv.Itoa(s.generation)))
	_, _ = fmt.Fprintf(mac, "%s %d", path, expires)
	return hex.EncodeToString(mac.Sum(nil))
}

// linksTo matches the links to the files of a server in JSON.
func linksTo(serverURL string) *regexp.Regexp {
	return regexp.MustCompile(regexp.QuoteMeta(serverURL+filesPath) + `([^"?\\]+)\?X-Signature=[0-9a-f]+(&|\\u0026)X-Expires=[0-9]+`)
}

// sign returns value with new signatures in its links.
func (s *Server) sign(value json.RawMessage) json.RawMessage {
	value = s.resolve(value)
	if !bytes.Contains(value, []byte("X-Signature=")) {
		return value
	}
	return s.links().ReplaceAllFunc(value, func(link []byte) []byte {
		parts := s.links().FindSubmatch(link)
		return []byte(s.link(string(parts[1]), string(parts[2])))
	})
}

// serveFile serves the files of the storage host. Like a real storage host, it
// refuses a request with both a token and a signature.
func (s *Server) serveFile(w http.ResponseWriter, r *http.Request) {
	f, isKnown, isSigned := s.findFile(r)
	switch {
	case r.Header.Get("Authorization") != "":
		http.Error(w, "only one kind of authorization is allowed", http.StatusBadRequest)
	case !isKnown:
		http.Error(w, "no such file", http.StatusNotFound)
	case !isSigned:
		http.Error(w, "the link has expired", http.StatusForbidden)
	default:
		w.Header().Set("Content-Type", f.contentType)
		w.Header().Set("ETag", f.etag)
		http.ServeContent(w, r, "", time.Time{}, bytes.NewReader(f.data))
	}
}

// findFile returns the file that a request names, whether there is one, and whether
// the signature of the link is valid.
func (s *Server) findFile(r *http.Request) (f file, isKnown, isSigned bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	name := r.PathValue("name")
	f, isKnown = s.files[name]
	return f, isKnown, s.isSigned(r, filesPath, escapeName(name))
}
