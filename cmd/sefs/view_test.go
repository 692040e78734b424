package main

import (
	"crypto/sha256"
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"sefs/apiclient/apitest"
)

func TestStat(t *testing.T) {
	w := newWorld(t)
	service := w.newService()
	service.SetV1(apitest.V1Options{Time: apitest.TimeUnix})
	service.Tree().Add("film.mp4", apitest.File{Size: 12_345, Time: time.Unix(1_700_000_000, 0), Kind: apitest.Video})
	service.Tree().Add("lost.mp4", apitest.File{Kind: apitest.Video, Size: 5, V1: apitest.V1Absent})
	for _, test := range []struct {
		path string
		want []string
	}{
		{"/film.mp4", []string{"type      file", "size      12345 bytes", "modified  2023-11-14T22:13:20Z", "inode     "}},
		{"/lost.mp4", []string{"type      file", "size      unknown", "modified  unknown"}},
		{"/series", []string{"type      folder", "size      2 entries"}},
		{"", []string{"type      folder", "size      3 entries"}},
	} {
		r := w.sefs("stat", remote+test.path)
		w.wantDone(r)
		for _, part := range append(test.want, remote+test.path+"\n") {
			if !strings.Contains(r.stdout, part) {
				t.Errorf("stat %s lacks %q: %s", test.path, part, r.stdout)
			}
		}
	}
	w.wantFailure(w.sefs("stat", remote+"/nothing.mp4"), exitRemote, "nothing.mp4 does not exist")
	w.wantFailure(w.sefs("stat", remote+"/series/../film.mp4"), exitUsage, `".."`)
	w.wantFailure(w.sefs("stat"), exitUsage, "REMOTE is missing")
}

func TestCat(t *testing.T) {
	w := newWorld(t)
	service := w.newService()
	tree := service.Tree()
	tree.Add("big.mp4", apitest.File{Size: 7_654_321, Kind: apitest.Video})
	tree.Add("empty.mp4", apitest.File{Kind: apitest.Video})
	tree.Add("lost.mp4", apitest.File{Kind: apitest.Video, Size: 54_321, V1: apitest.V1NoSize})
	same := func(r result, rel string) {
		t.Helper()
		w.wantDone(r)
		if sha256.Sum256([]byte(r.stdout)) != sha256.Sum256(tree.Bytes(rel)) {
			t.Errorf("%s: %d bytes, other than the file's", rel, len(r.stdout))
		}
	}
	for _, rel := range []string{"film.mp4", "series/one.mp4", "big.mp4", "empty.mp4"} {
		same(w.sefs("cat", remote+"/"+rel), rel)
		same(w.sefs("cat", "--lister=v1", "--api-key=", remote+"/"+rel), rel)
	}
	w.wantFailure(w.sefs("cat", remote+"/lost.mp4"), exitFailed, "tells no size", "--unknown-size stream")
	same(w.sefs("cat", "--unknown-size=stream", remote+"/lost.mp4"), "lost.mp4")
	w.wantFailure(w.sefs("cat", remote+"/series"), exitUsage, "is a folder")
	w.wantFailure(w.sefs("cat", remote), exitUsage, "is a folder")
	w.wantFailure(w.sefs("cat", remote+"/nothing.mp4"), exitRemote, "does not exist")
	service.SetAskFault(apitest.EveryAsk(apitest.V1Failure(403, "ACCESS_VIOLATION"), apitest.AskLink))
	w.wantFailure(w.sefs("cat", remote+"/film.mp4"), exitCredentials, "refused access")
	service.SetAskFault(apitest.EveryAsk(apitest.CutAfter(0), apitest.AskContent))
	w.wantFailure(w.sefs("cat", "--timeout=2s", remote+"/film.mp4"), exitService, "the download host gives no answer")
	service.SetAskFault(apitest.EveryAsk(apitest.AskReply{Reply: apitest.Status(500)}, apitest.AskFiles))
	w.wantFailure(w.sefs("cat", "--timeout=2s", remote+"/film.mp4"), exitService, strings.TrimSuffix(strings.TrimPrefix(service.FilesURL(), "http://"), "/v1/"))
	service.SetAskFault(apitest.EveryAsk(apitest.V1Failure(404, "NOT_FOUND"), apitest.AskLink))
	w.wantFailure(w.sefs("cat", remote+"/film.mp4"), exitRemote, "has no bytes of")
	service.SetAskFault(nil)
	if r := w.run("sh", "-c", os.Getenv(programVariable)+" cat "+remote+"/film.mp4 >/dev/full"); r.code != exitFailed || !strings.Contains(r.stderr, "no space left") {
		t.Errorf("a full disk: code %d, %s", r.code, r.stderr)
	}
	if leaks := service.Calls().Leaks; leaks > 0 {
		t.Errorf("%d requests took credentials where they do not belong", leaks)
	}
}

// An account whose command API is switched off can be mounted by v1 alone.
func TestMountByV1(t *testing.T) {
	needFUSE(t)
	w := newWorld(t)
	service := w.newService()
	w.set("SEFS_API_KEY=", "SEFS_API_URL="+unusedAddress)
	w.wantDone(w.sefs("mount", "--lister=v1", remote, w.mountpoint))
	w.wantNames(w.mountpoint, "film.mp4", "series")
	if r := w.run("sha256sum", w.mountpoint+"/film.mp4"); !strings.HasPrefix(r.stdout, fmt.Sprintf("%x ", sha256.Sum256(service.Tree().Bytes("film.mp4")))) {
		t.Errorf("film.mp4: %s%s", r.stdout, r.stderr)
	}
	if n := service.Calls().Total; n > 0 {
		t.Errorf("%d calls of the command API", n)
	}
	w.wantDone(w.sefs("unmount", w.mountpoint))
	w.wantFailure(w.sefs("mount", "--lister=v1", remote+"/nothing", w.mountpoint), exitRemote, "unknown to the service or empty")
}

// What is put into the address of the v1 API cannot lead the secret to another host.
func TestAccountIsNoHost(t *testing.T) {
	w := newWorld(t)
	w.newService()
	w.set("SEFS_FILES_URL=")
	for _, user := range []string{"evil.example?", "evil.example#", "a@evil.example", "evil.example\\", "evil.example:1"} {
		w.wantFailure(w.sefs("cat", "sestore4/"+user+"/x"), exitUsage, "--files-url")
	}
}
