package runflowtest

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"maps"
	"net/url"
	"regexp"
	"slices"
	"strings"

	"github.com/runflow-io/runflow-go"
)

// assetRef is the beginning of a reference to an asset.
const assetRef = "runflow://assets/"

// refs matches the references to assets in JSON, in which slashes can be escaped.
var refs = regexp.MustCompile(`"runflow:(?:\\?/){2}assets\\?/([^"\\]*)"`)

// resolve replaces the references to assets in a JSON value by links.
func (s *Server) resolve(value json.RawMessage) json.RawMessage {
	if !bytes.Contains(value, []byte(`"runflow:`)) {
		return value
	}
	return refs.ReplaceAllFunc(value, func(ref []byte) []byte {
		id := string(refs.FindSubmatch(ref)[1])
		if asset := s.assets.byID[id]; asset == nil || isDeleted(&asset.row) {
			return ref
		}
		return []byte(`"` + s.link(id, "&") + `"`)
	})
}

// checkInput refuses the input of a run if it refers to an asset that the caller does
// not have.
func (s *Server) checkInput(c caller, input runflow.JSON) (bad *problem) {
	mapTexts(input, func(text string) string {
		if bad == nil {
			bad = s.checkRef(c, "input", text)
		}
		return text
	})
	return bad
}

// checkRef refuses the text of a field if it refers to an asset that the caller does
// not have.
func (s *Server) checkRef(c caller, field, text string) *problem {
	if id, isRef := strings.CutPrefix(text, assetRef); isRef && !s.hasAsset(c, id) {
		return invalid(badField("body", field, "asset not found or expired: "+text, "value_error"))
	}
	return nil
}

// storeInput returns the input of a run with references in place of data URLs.
func (s *Server) storeInput(c caller, input runflow.JSON) runflow.JSON {
	return mapTexts(input, func(text string) string { return s.storeData(c, text) })
}

// storeData stores the file in a data URL as an asset, and returns a reference to it.
// It returns any other text unchanged.
func (s *Server) storeData(c caller, text string) string {
	mimeType, data, ok := parseDataURL(text)
	if !ok {
		return text
	}
	id := s.newID()
	s.putFile(id, mimeType, data)
	s.putAsset(c, id, "", upload{filename: id, mimeType: mimeType, size: int64(len(data))})
	return assetRef + id
}

// parseDataURL returns the type and the content of a data URL. A text that begins with
// "data:" but has no type is not one.
func parseDataURL(text string) (mimeType string, data []byte, ok bool) {
	head, content, hasContent := strings.Cut(text, ",")
	mimeType, isData := strings.CutPrefix(head, "data:")
	if !hasContent || !isData || !strings.Contains(mimeType, "/") {
		return "", nil, false
	}
	mimeType, isBase64 := strings.CutSuffix(mimeType, ";base64")
	if isBase64 {
		data, err := base64.StdEncoding.DecodeString(content)
		return mimeType, data, err == nil
	}
	plain, err := url.PathUnescape(content)
	return mimeType, []byte(plain), err == nil
}

// mapTexts calls f with each string in a JSON object, and returns the object with the
// results.
func mapTexts(object runflow.JSON, f func(string) string) runflow.JSON {
	decoder := json.NewDecoder(bytes.NewReader(object))
	decoder.UseNumber() // float64 cannot represent every number
	var value any
	_ = decoder.Decode(&value) // it is valid JSON
	isChanged := false
	value = mapTextsOf(value, func(text string) string {
		result := f(text)
		isChanged = isChanged || result != text
		return result
	})
	if !isChanged {
		return object // as the client has written it
	}
	data, _ := json.Marshal(value) // it was decoded
	return data
}

// mapTextsOf is like mapTexts, for a decoded value, which it changes.
func mapTextsOf(value any, f func(string) string) any {
	switch v := value.(type) {
	case string:
		return f(v)
	case []any:
		for i := range v {
			v[i] = mapTextsOf(v[i], f)
		}
	case map[string]any:
		for _, name := range slices.Sorted(maps.Keys(v)) {
			v[name] = mapTextsOf(v[name], f)
		}
	}
	return value
}
