// Package peer has the request body that all clients send.
package peer

// Feedback is the body of the request.
type Feedback struct {
	IsPositive *bool   `json:"is_positive"`
	Reason     *string `json:"reason"`
}

// ThumbsUp returns positive feedback without a reason.
func ThumbsUp() Feedback {
	up := true
	return Feedback{IsPositive: &up}
}
