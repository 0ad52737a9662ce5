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
)

// linkLifetime is for how long a link is good: as long as some of Runflow's were.
const linkLifetime = 72 * time.Hour

// file is what the storage host holds.
type file struct {
	contentType string
	data        []byte
	etag        string
}

// pixel is a picture: one transparent pixel as PNG.
const pixel = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="

// AddFile stores a file, in place of one with the same name, and returns a
// signed link to it, for an output. The link is good for three days by the
// server's clock. The server signs its links in a run anew whenever the run is
// read.
func (s *Server) AddFile(name, contentType string, data []byte) string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.addFile(name, contentType, data)
}

func (s *Server) addFile(name, contentType string, data []byte) string {
	s.files[name] = file{contentType: contentType, data: bytes.Clone(data), etag: fmt.Sprintf(`"%x"`, sha256.Sum256(data))}
	return s.link(escape(name), "&")
}

// ExpireFiles makes every link that was given out answer 403 from now on.
func (s *Server) ExpireFiles() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.generation++
}

// picture is a success with a picture.
func (s *Server) picture() Step {
	data, _ := base64.StdEncoding.DecodeString(pixel)
	return Succeed(map[string][]string{"image_urls": {s.addFile("output.png", "image/png", data)}})
}

// escape returns a name for a path, without what JSON may write in other ways.
func escape(name string) string { return strings.ReplaceAll(url.PathEscape(name), "&", "%26") }

// link returns a link to a file, whose name is escaped, with an ampersand as it
// is, or as JSON may have it.
func (s *Server) link(name, ampersand string) string {
	expires := s.now.Add(linkLifetime).Unix()
	return fmt.Sprintf("%s/files/%s?X-Signature=%s%sX-Expires=%d", s.URL, name, s.signature(name, expires), ampersand, expires)
}

func (s *Server) signature(name string, expires int64) string {
	mac := hmac.New(sha256.New, []byte(strconv.Itoa(s.generation)))
	_, _ = fmt.Fprintf(mac, "%s %d", name, expires)
	return hex.EncodeToString(mac.Sum(nil))
}

// linksTo finds the links to the files of a server in JSON.
func linksTo(serverURL string) *regexp.Regexp {
	return regexp.MustCompile(regexp.QuoteMeta(serverURL) + `/files/([^"?\\]+)\?X-Signature=[0-9a-f]+(&|\\u0026)X-Expires=[0-9]+`)
}

// sign signs the server's links in a value anew.
func (s *Server) sign(value json.RawMessage) json.RawMessage {
	if !bytes.Contains(value, []byte("X-Signature=")) {
		return value
	}
	return s.links.ReplaceAllFunc(value, func(link []byte) []byte {
		parts := s.links.FindSubmatch(link)
		return []byte(s.link(string(parts[1]), string(parts[2])))
	})
}

// serveFile is the storage host. It takes a token of the API for a mistake.
func (s *Server) serveFile(w http.ResponseWriter, r *http.Request) {
	f, known, signed := s.file(r)
	switch {
	case r.Header.Get("Authorization") != "":
		http.Error(w, "only one authorization is allowed", http.StatusBadRequest)
	case !known:
		http.Error(w, "no such file", http.StatusNotFound)
	case !signed:
		http.Error(w, "the link has expired", http.StatusForbidden)
	default:
		w.Header().Set("Content-Type", f.contentType)
		w.Header().Set("ETag", f.etag)
		http.ServeContent(w, r, "", time.Time{}, bytes.NewReader(f.data))
	}
}

// file returns the file that a request is for, whether there is one, and whether
// the link to it is good.
func (s *Server) file(r *http.Request) (f file, known, signed bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	name, query := r.PathValue("name"), r.URL.Query()
	f, known = s.files[name]
	expires, err := strconv.ParseInt(query.Get("X-Expires"), 10, 64)
	signed = err == nil && s.now.Before(time.Unix(expires, 0)) && query.Get("X-Signature") == s.signature(escape(name), expires)
	return f, known, signed
}
