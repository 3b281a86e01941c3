// Command vcenter is a vCenter for tests: the simulator of VMware's govmomi with change tracking on top.
//
// It answers what backups need and the simulator lacks (QueryChangedDiskAreas, change ids in snapshots,
// consolidation, privileges), and passes everything else on. Real bytes stand behind its disks: DIR/live
// holds a raw file per disk, which tests write to, and DIR/frozen what each snapshot showed. What changed is
// found by comparing frozen files, so a client that asks wrongly loses data that a test will miss.
//
// Two things differ from a real vCenter: change tracking there reports writes and this reports differences,
// and only the order of a request's own elements is checked, not of those within them.
package main

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"flag"
	"fmt"
	"log"
	"math/big"
	"net"
	"net/http"
	"net/url"
	"os"
	"os/signal"
	"path/filepath"
	"sync"
	"syscall"
	"time"

	"github.com/vmware/govmomi/simulator"
	_ "github.com/vmware/govmomi/vapi/simulator" // serves /rest
)

type vcenter struct {
	folder  string
	service *simulator.Service

	mutex       sync.Mutex
	certificate *tls.Certificate
	authority   *x509.Certificate
	signer      *ecdsa.PrivateKey
	sessions    map[string]bool
	logins      int
	machines    map[string]*machine
	faults      []*injection
	calls       map[string]int
	held        int
	pages       int
	unread      map[string][]string
	denied      map[string]bool
	areasMax    int
	spanBytes   int64
}

func main() {
	folder := flag.String("folder", "", "where disks are kept")
	user := flag.String("user", "backup", "who may log in")
	password := flag.String("password", "secret", "with which password")
	areas := flag.Int("areas", 7, "most areas in one answer about changes")
	span := flag.Int64("span", 3<<20, "most bytes that one answer about changes covers")
	flag.Parse()
	log.SetFlags(0)

	model := simulator.VPX()
	model.Machine = 0
	model.Host = 0
	if err := model.Create(); err != nil {
		log.Fatal(err)
	}
	model.Service.Listen = &url.URL{Host: "127.0.0.1:0", User: url.UserPassword(*user, *password)}
	model.Service.RegisterEndpoints = true // /rest
	inner := model.Service.NewServer()

	v := &vcenter{
		folder:    *folder,
		service:   model.Service,
		sessions:  map[string]bool{},
		machines:  map[string]*machine{},
		calls:     map[string]int{},
		denied:    map[string]bool{},
		unread:    map[string][]string{},
		areasMax:  *areas,
		spanBytes: *span,
	}
	v.newAuthority()
	v.newCertificate()

	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		log.Fatal(err)
	}
	mux := http.NewServeMux()
	mux.HandleFunc("/sdk", v.serve)
	mux.HandleFunc("/rest/", v.rest)
	mux.HandleFunc("/lab/", v.control)
	server := &http.Server{Handler: mux, ErrorLog: log.New(nothing{}, "", 0), TLSConfig: &tls.Config{
		GetCertificate: func(*tls.ClientHelloInfo) (*tls.Certificate, error) {
			v.mutex.Lock()
			defer v.mutex.Unlock()
			return v.certificate, nil
		},
	}}
	end := make(chan os.Signal, 1)
	signal.Notify(end, syscall.SIGTERM, syscall.SIGINT)
	go func() {
		<-end
		inner.Close()
		model.Remove()
		os.Exit(0)
	}()
	fmt.Printf("address=%s thumbprint=%s\n", listener.Addr(), v.thumbprint())
	log.Fatal(server.ServeTLS(listener, "", ""))
}

// nothing takes what clients that break off cause; tests break off on purpose.
type nothing struct{}

func (nothing) Write(bytes []byte) (int, error) { return len(bytes), nil }

// newAuthority makes who signs certificates; nobody trusts it but those whom a test tells to.
func (v *vcenter) newAuthority() {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	must(err)
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "authority.test"},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(24 * time.Hour),
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	must(err)
	v.authority, err = x509.ParseCertificate(der)
	must(err)
	v.signer = key
	must(os.WriteFile(filepath.Join(v.folder, "authority.der"), der, 0o644))
}

func (v *vcenter) newCertificate() {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		log.Fatal(err)
	}
	serial, _ := rand.Int(rand.Reader, big.NewInt(1<<62))
	template := &x509.Certificate{
		SerialNumber: serial,
		Subject:      pkix.Name{CommonName: "vcenter.test"},
		NotBefore:    time.Now().Add(-time.Hour),
		NotAfter:     time.Now().Add(24 * time.Hour),
		DNSNames:     []string{"vcenter.test"},
		IPAddresses:  []net.IP{net.IPv4(127, 0, 0, 1)},
	}
	der, err := x509.CreateCertificate(rand.Reader, template, v.authority, &key.PublicKey, v.signer)
	if err != nil {
		log.Fatal(err)
	}
	v.mutex.Lock()
	v.certificate = &tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}
	v.mutex.Unlock()
}

func (v *vcenter) thumbprint() string {
	v.mutex.Lock()
	defer v.mutex.Unlock()
	return fmt.Sprintf("%x", sha256.Sum256(v.certificate.Certificate[0]))
}
