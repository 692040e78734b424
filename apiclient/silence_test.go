package apiclient_test

import (
	"context"
	"testing"
	"time"

	"sefs/apiclient"
	"sefs/apiclient/apitest"
)

// impatient is a client with a short timeout.
func impatient(t *testing.T, s *apitest.Server, timeout time.Duration) *apiclient.Client {
	t.Helper()
	c, err := apiclient.New(apiclient.Options{
		URL: s.URL(), FilesURL: s.FilesURL(), Key: s.APIKey(), Secret: s.Secret(), CDN: s.CDN(),
		Types: []string{"includeinvalid"}, Timeout: timeout,
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	return c
}

// A call to which nothing comes is made again while there is time.
func TestSilentCallIsMadeAgain(t *testing.T) {
	t.Parallel()
	tree := apitest.NewTree(root)
	tree.Add("a.mp4", apitest.File{Size: 10})
	s, _ := start(t, apitest.Options{Tree: tree})
	c := impatient(t, s, 2*time.Second)
	s.SetFault(apitest.FirstTime(1, apitest.Hang()))
	s.SetAskFault(apitest.FirstAsks(1, apitest.AskFiles, apitest.AskReply{Reply: apitest.Hang()}))
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	if f, err := c.List(ctx, apiclient.ListRequest{Path: root}); err != nil || len(f.Entries) != 1 {
		t.Errorf("list: %+v, error %v", f, err)
	}
	if f, err := c.Files(ctx, apiclient.FilesRequest{Path: root}); err != nil || len(f.Entries) != 1 {
		t.Errorf("files: %+v, error %v", f, err)
	}
}

// An answer that keeps coming is waited for, longer than one to which nothing comes.
func TestSlowAnswerIsNotCut(t *testing.T) {
	tree := apitest.NewTree(root)
	tree.Add("a.mp4", apitest.File{Size: 10})
	slow := apitest.Drip(20 * time.Millisecond)
	for name, ask := range map[string]func(*apiclient.Client) (*apiclient.Folder, error){
		"list": func(c *apiclient.Client) (*apiclient.Folder, error) {
			return c.List(context.Background(), apiclient.ListRequest{Path: root})
		},
		"files": func(c *apiclient.Client) (*apiclient.Folder, error) {
			return c.Files(context.Background(), apiclient.FilesRequest{Path: root})
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s, _ := start(t, apitest.Options{Tree: tree})
			c := impatient(t, s, 2*time.Second)
			s.SetFault(apitest.Always(slow))
			s.SetAskFault(apitest.EveryAsk(apitest.AskReply{Reply: slow}))
			began := time.Now()
			f, err := ask(c)
			if err != nil || len(f.Entries) != 1 {
				t.Errorf("%+v, error %v", f, err)
			}
			if calls := s.Calls(); calls.Total+calls.V1 != 1 {
				t.Errorf("%d calls and %d of v1", calls.Total, calls.V1)
			}
			if took := time.Since(began); took < time.Second {
				t.Errorf("the answer took %v, too short to show anything", took)
			}
		})
	}
}
