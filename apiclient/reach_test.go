package apiclient

import "testing"

// A service on the net does not lead into this machine's own network; one that is there
// itself may.
func TestLinksIntoTheOwnNetwork(t *testing.T) {
	const far = "https://jb-sestore.secdn.net/v1/"
	for _, link := range []string{
		"https://127.0.0.1/a", "https://127.9.9.9:8443/a?secure=x", "http://localhost/a", "https://LOCALHOST./a", "https://a.localhost/a", "https://[::1]/a",
		"https://10.0.0.1/a", "https://172.16.0.1/a", "https://192.168.1.1/a", "https://169.254.169.254/latest/meta-data", "https://[fe80::1%25eth0]/a",
		"https://[fd00::1]/a", "https://0.0.0.0/a", "https://[::]/a", "https://[::ffff:127.0.0.1]/a", "https://[::ffff:10.0.0.1]/a", "https://224.0.0.1/a",
	} {
		if err := checkReach(link, far); err == nil || !IsMalformed(err) {
			t.Errorf("%s: error %v", link, err)
		}
		for _, api := range []string{"http://127.0.0.1:40000/v1/", "https://localhost/v1/", "https://10.1.2.3/v1/"} {
			if err := checkReach(link, api); err != nil {
				t.Errorf("%s from %s: %v", link, api, err)
			}
		}
	}
	for _, link := range []string{"https://cdn.example/a", "https://8.8.8.8/a", "https://172.32.0.1/a", "https://localhost.example/a", "https://[2606:4700::1111]/a"} {
		if err := checkReach(link, far); err != nil {
			t.Errorf("%s: %v", link, err)
		}
	}
}
