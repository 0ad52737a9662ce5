package download

import (
	"encoding/base64"
	"errors"
	"mime"
	"net/http"
	"net/url"
	"path"
	"strings"
	"unicode"
)

// An Info describes a file.
type Info struct {
	Name        string // a base name without separators; "" if it has none
	ContentType string
	Size        int64 // -1 if unknown
}

func infoOf(resp *http.Response, size int64) Info {
	name := ""
	if _, params, err := mime.ParseMediaType(resp.Header.Get("Content-Disposition")); err == nil {
		name = baseName(params["filename"])
	}
	if name == "" && resp.Request != nil {
		name = baseName(resp.Request.URL.Path)
	}
	return Info{Name: name, ContentType: resp.Header.Get("Content-Type"), Size: size}
}

// baseName returns the last element of a path with the separators of any operating
// system, or "" if that is not a safe file name.
func baseName(name string) string {
	name = path.Base(strings.ReplaceAll(name, `\`, "/"))
	if name == "." || name == ".." || name == "/" || strings.ContainsFunc(name, func(r rune) bool { return !unicode.IsGraphic(r) || r == ':' }) {
		return ""
	}
	return name
}

// Inline writes the file that a data URL contains. The URL is given without its
// scheme.
func Inline(data string, f *File) error {
	head, body, found := strings.Cut(data, ",")
	content, err := url.PathUnescape(body)
	mediaType, isBase64 := strings.CutSuffix(head, ";base64")
	if err == nil && isBase64 {
		var decoded []byte
		decoded, err = base64.StdEncoding.DecodeString(content)
		content = string(decoded)
	}
	if !found || err != nil {
		return ErrNotDataURL
	}
	if mediaType == "" {
		mediaType = "text/plain;charset=US-ASCII" // as RFC 2397 says
	}
	f.Info = Info{ContentType: mediaType, Size: int64(len(content))}
	f.version.size = f.Info.Size
	if f.OnStart != nil {
		if err := f.OnStart(f.Info); err != nil {
			return err
		}
	}
	if f.MaxBytes > 0 && f.Info.Size > f.MaxBytes {
		return ErrTooLarge
	}
	if _, err := f.Write([]byte(content)); err != nil {
		return errors.Unwrap(err)
	}
	return nil
}

// ErrNotDataURL is the error of a data URL that cannot be decoded.
var ErrNotDataURL = errors.New("not a data URL")
