package main

import (
	"bytes"
	"crypto/sha256"
	"fmt"
	"math/rand/v2"
)

const (
	pictureWidth  = 640
	pictureHeight = 480
)

// landscape returns a picture as SVG: hills below a sun. The same prompt always has
// the same picture.
func landscape(prompt string) []byte {
	random := rand.New(rand.NewChaCha8(sha256.Sum256([]byte(prompt)))) //nolint:gosec // not used for security
	hue := (200 + random.IntN(190)) % 360                              // blue, violet, red or orange
	var svg bytes.Buffer
	fmt.Fprintf(&svg, `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 %d %d">`, pictureWidth, pictureHeight)
	fmt.Fprintf(&svg, `<defs><linearGradient id="sky" x2="0" y2="1"><stop stop-color="hsl(%d 70%% 38%%)"/><stop offset="1" stop-color="hsl(%d 90%% 82%%)"/></linearGradient></defs>`,
		hue, (hue+50)%360)
	fmt.Fprintf(&svg, `<rect width="%d" height="%d" fill="url(#sky)"/>`, pictureWidth, pictureHeight)
	x, y, radius := 120+random.IntN(400), 90+random.IntN(120), 34+random.IntN(30)
	for i, opacity := range []float64{0.12, 0.2, 0.95} {
		fmt.Fprintf(&svg, `<circle cx="%d" cy="%d" r="%d" fill="hsl(%d 100%% 92%%)" opacity="%.2f"/>`, x, y, radius*(7-2*i)/3, (hue+60)%360, opacity)
	}
	const layers = 5
	for layer := range layers {
		top := 230 + layer*48
		fmt.Fprintf(&svg, `<path fill="hsl(%d 45%% %d%%)" d="M0 %d`, (hue+200-8*layer)%360, 62-12*layer, top+random.IntN(30))
		for x := 0; x < pictureWidth; x += 160 {
			peak, next := top-60+random.IntN(70), top+random.IntN(30)
			fmt.Fprintf(&svg, "C%d %d %d %d %d %d", x+50, peak, x+110, peak+random.IntN(40), x+160, next)
		}
		fmt.Fprintf(&svg, `V%d H0Z"/>`, pictureHeight)
	}
	svg.WriteString("</svg>")
	return svg.Bytes()
}
