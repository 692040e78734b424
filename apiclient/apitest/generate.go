package apitest

import (
	"fmt"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
)

// Example returns the tree of the documentation's example.
func Example() *Tree {
	t := NewTree("sestore4/jb")
	t.AddFile("movie.mp4")
	t.AddFile("folder1/movie2.mp4")
	return t
}

// Flat returns a tree of n videos in the root, not in the order of their names.
func Flat(root string, n int) *Tree {
	t := NewTree(root)
	for _, i := range shuffled(1, n) {
		t.AddFile(fmt.Sprintf("file%07d.mp4", i))
	}
	return t
}

// Nested returns a tree in which the root and all folders down to depth-1 hold fanout folders each,
// and all folders but the root hold so many videos. Nested(root, 10, 3, 20) has 1,110 folders with 20
// files in each.
func Nested(root string, fanout, depth, files int) *Tree {
	t := NewTree(root)
	var grow func(prefix string, depth int)
	grow = func(prefix string, depth int) {
		for _, i := range shuffled(uint64(depth), fanout) {
			dir := fmt.Sprintf("%sfolder%03d", prefix, i)
			t.AddDir(dir)
			for _, k := range shuffled(uint64(i), files) {
				t.AddFile(fmt.Sprintf("%s/file%04d.mp4", dir, k))
			}
			if depth > 1 {
				grow(dir+"/", depth-1)
			}
		}
	}
	if depth > 0 {
		grow("", depth)
	}
	return t
}

// Gen says what Generate makes. Numbers are upper limits: the tree is irregular.
type Gen struct {
	Seed     uint64 // equal seeds make equal trees
	Folders  int    // sub-folders of a folder, default 3
	Depth    int    // levels of folders below the root, default 3
	Files    int    // files of a folder, default 30
	OddNames bool   // take names from OddNames as well
	Mixed    bool   // files of all kinds, invalid and deleted ones among them; otherwise valid videos
}

// Generate returns a random tree.
func Generate(root string, g Gen) *Tree {
	if g.Folders == 0 {
		g.Folders = 3
	}
	if g.Depth == 0 {
		g.Depth = 3
	}
	if g.Files == 0 {
		g.Files = 30
	}
	t := NewTree(root)
	r := rand.New(rand.NewPCG(g.Seed, 0))
	var grow func(prefix string, depth int)
	grow = func(prefix string, depth int) {
		for _, name := range g.names(r, r.IntN(g.Files+1)) {
			g.addFile(t, r, prefix+name)
		}
		if depth == 0 {
			return
		}
		for _, name := range g.names(r, r.IntN(g.Folders+1)) {
			t.AddDir(prefix + name)
			grow(prefix+name+"/", depth-1)
		}
	}
	grow("", g.Depth)
	return t
}

// names returns n different names.
func (g Gen) names(r *rand.Rand, n int) []string {
	var odd []string
	if g.OddNames {
		odd = OddNames()
		r.Shuffle(len(odd), func(i, j int) { odd[i], odd[j] = odd[j], odd[i] })
	}
	names := make([]string, n)
	for i, k := range r.Perm(n) {
		if i%2 == 0 && i/2 < len(odd) {
			names[i] = odd[i/2]
		} else {
			names[i] = fmt.Sprintf("n%d", k)
		}
	}
	return names
}

func (g Gen) addFile(t *Tree, r *rand.Rand, rel string) {
	f := fileAt(t.Full(rel))
	f.Kind = Video
	if g.Mixed {
		f.Kind = []Kind{Video, Audio, Smil, Other}[r.IntN(4)]
		f.Invalid = r.IntN(6) == 0
		f.Deleted = r.IntN(6) == 0
	}
	t.Add(rel, f)
}

// FromDir returns a tree with the names, sizes and times of a folder on disk; the files' contents are read
// from there when they are asked for. What is neither a folder nor a regular file is left out.
func FromDir(root, dir string) (*Tree, error) {
	t := NewTree(root)
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || path == dir {
			return err
		}
		rel, err := filepath.Rel(dir, path)
		if err != nil {
			return err
		}
		rel = strings.ReplaceAll(rel, string(os.PathSeparator), "/")
		if d.IsDir() {
			t.AddDir(rel)
			return nil
		}
		if !d.Type().IsRegular() {
			return nil
		}
		info, err := d.Info()
		if err != nil {
			return err
		}
		t.Add(rel, File{Size: info.Size(), Time: info.ModTime(), Kind: KindOf(rel), Content: diskFile(path)})
		return nil
	})
	if err != nil {
		return nil, err
	}
	return t, nil
}

// shuffled returns the numbers below n in an order that is random but always the same.
func shuffled(seed uint64, n int) []int {
	return rand.New(rand.NewPCG(seed, uint64(n))).Perm(n)
}
