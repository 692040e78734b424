package main

import (
	"fmt"

	"sefs/apiclient/apitest"
)

// demoTree is a small media library: folders in folders, one folder of more files
// than the service names in one answer, and names that trouble scripts.
func demoTree() *apitest.Tree {
	tree := apitest.NewTree("sestore4/demo")
	for _, film := range []string{"Big Buck Bunny", "Elephants Dream", "Sintel", "Tears of Steel"} {
		tree.AddFile("films/" + film + "/" + film + ".mp4")
		tree.AddFile("films/" + film + "/" + film + " (trailer).mp4")
		tree.AddFile("films/" + film + "/" + film + ".smil")
	}
	for season := 1; season <= 3; season++ {
		for episode := 1; episode <= 8; episode++ {
			tree.AddFile(fmt.Sprintf("series/Harbour Lights/Season %d/s%02de%02d.mp4", season, season, episode))
		}
	}
	for day := range 250 {
		tree.AddFile(fmt.Sprintf("radio/daily/2026-%03d.mp3", day+1))
	}
	for _, name := range []string{
		" begins with a space.mp4",
		"100% *of* what? #1 & more.mp4",
		"it's \"quoted\"; $(not run).mp4",
		"Füße – 日本語 – 🎬.mp4",
	} {
		tree.AddFile("odd names/" + name)
	}
	return tree
}
