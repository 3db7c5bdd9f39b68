// A server of net/http/pprof in the ways that programs have it behind: plain, on a unix socket, with basic and bearer
// credentials, with TLS, with client certificates, behind redirects. It writes its certificates into the folder it is given,
// prints where it serves as a line of JSON, and serves until stdin ends.
package main

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/json"
	"encoding/pem"
	"io"
	"math/big"
	"net"
	"net/http"
	"net/http/pprof"
	"os"
	"path/filepath"
	"runtime"
	"time"
)

var held [][]byte

//go:noinline
func hold(n int) []byte { return make([]byte, n) }

func main() {
	folder := os.Args[1]
	for range 64 {
		held = append(held, hold(1<<20))
	}
	go func() { // work for CPU profiles, and allocations for what came about meanwhile
		for {
			for i := 0; i < 2_000_000; i++ {
				held[0][i%1000]++
			}
			held[1] = hold(1 << 20)
			time.Sleep(5 * time.Millisecond)
		}
	}()

	pages := http.NewServeMux()
	pages.HandleFunc("/debug/pprof/", pprof.Index)
	pages.HandleFunc("/debug/pprof/profile", pprof.Profile)
	plain := listen("tcp", "127.0.0.1:0")
	elsewhere := listen("tcp", "127.0.0.1:0")
	pages.HandleFunc("/basic/debug/pprof/", func(w http.ResponseWriter, r *http.Request) {
		user, password, ok := r.BasicAuth()
		if !ok || user != "ann" || password != "s3cret" {
			w.WriteHeader(http.StatusUnauthorized)
			return
		}
		http.StripPrefix("/basic", pages).ServeHTTP(w, r)
	})
	pages.HandleFunc("/bearer/debug/pprof/", func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Authorization") != "Bearer t0ken" {
			w.WriteHeader(http.StatusForbidden)
			return
		}
		http.StripPrefix("/bearer", pages).ServeHTTP(w, r)
	})
	pages.HandleFunc("/near/", func(w http.ResponseWriter, r *http.Request) {
		http.Redirect(w, r, "/debug/pprof/heap", http.StatusFound)
	})
	pages.HandleFunc("/far/", func(w http.ResponseWriter, r *http.Request) {
		http.Redirect(w, r, "http://"+elsewhere.Addr().String()+"/tells", http.StatusFound)
	})
	pages.HandleFunc("/loop/", func(w http.ResponseWriter, r *http.Request) {
		http.Redirect(w, r, "/loop/", http.StatusFound)
	})
	pages.HandleFunc("/login", func(w http.ResponseWriter, r *http.Request) {
		io.WriteString(w, "<!DOCTYPE html><title>log in</title>")
	})
	pages.HandleFunc("/nothing", func(w http.ResponseWriter, r *http.Request) {})
	// a program of long ago: no `seconds`
	pages.HandleFunc("/old/heap", func(w http.ResponseWriter, r *http.Request) {
		r.URL.RawQuery = ""
		pprof.Handler("heap").ServeHTTP(w, r)
	})
	// who is followed to another host must not bring what was meant for the first
	tells := http.NewServeMux()
	tells.HandleFunc("/tells", func(w http.ResponseWriter, r *http.Request) {
		if len(r.Header["Authorization"]) > 0 || len(r.Header["X-Secret"]) > 0 {
			w.WriteHeader(http.StatusTeapot)
			return
		}
		pprof.Handler("heap").ServeHTTP(w, r)
	})

	serverCert, pool := certificates(folder)
	encrypted := tls.NewListener(listen("tcp", "127.0.0.1:0"), &tls.Config{Certificates: []tls.Certificate{serverCert}})
	mutual := tls.NewListener(listen("tcp", "127.0.0.1:0"), &tls.Config{
		Certificates: []tls.Certificate{serverCert},
		ClientAuth:   tls.RequireAndVerifyClientCert,
		ClientCAs:    pool,
	})
	socket := filepath.Join(folder, "pprof.sock")
	quiet := func(l net.Listener, h http.Handler) {
		server := http.Server{Handler: h, ErrorLog: nil}
		go server.Serve(l)
	}
	quiet(plain, pages)
	quiet(elsewhere, tells)
	quiet(encrypted, pages)
	quiet(mutual, pages)
	quiet(listen("unix", socket), pages)
	runtime.GC()
	json.NewEncoder(os.Stdout).Encode(map[string]string{
		"plain":  plain.Addr().String(),
		"tls":    encrypted.Addr().String(),
		"mutual": mutual.Addr().String(),
		"socket": socket,
	})
	io.Copy(io.Discard, os.Stdin)
}

func listen(network, address string) net.Listener {
	listener, err := net.Listen(network, address)
	must(err)
	return listener
}

// certificates makes an authority, a server's certificate and a client's, and writes ca.pem, client.pem and client-key.pem.
func certificates(folder string) (tls.Certificate, *x509.CertPool) {
	authorityKey, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	must(err)
	authority := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "gomem tests"}, IsCA: true, BasicConstraintsValid: true,
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(24 * time.Hour), KeyUsage: x509.KeyUsageCertSign,
	}
	der, err := x509.CreateCertificate(rand.Reader, authority, authority, &authorityKey.PublicKey, authorityKey)
	must(err)
	authority, err = x509.ParseCertificate(der)
	must(err)
	write(filepath.Join(folder, "ca.pem"), "CERTIFICATE", der)
	pool := x509.NewCertPool()
	pool.AddCert(authority)

	issue := func(serial int64, usage x509.ExtKeyUsage) ([]byte, *ecdsa.PrivateKey) {
		key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
		must(err)
		template := &x509.Certificate{
			SerialNumber: big.NewInt(serial), Subject: pkix.Name{CommonName: "127.0.0.1"}, IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
			NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(24 * time.Hour),
			KeyUsage: x509.KeyUsageDigitalSignature, ExtKeyUsage: []x509.ExtKeyUsage{usage},
		}
		der, err := x509.CreateCertificate(rand.Reader, template, authority, &key.PublicKey, authorityKey)
		must(err)
		return der, key
	}
	server, serverKey := issue(2, x509.ExtKeyUsageServerAuth)
	client, clientKey := issue(3, x509.ExtKeyUsageClientAuth)
	write(filepath.Join(folder, "client.pem"), "CERTIFICATE", client)
	keyBytes, err := x509.MarshalPKCS8PrivateKey(clientKey)
	must(err)
	write(filepath.Join(folder, "client-key.pem"), "PRIVATE KEY", keyBytes)
	return tls.Certificate{Certificate: [][]byte{server}, PrivateKey: serverKey}, pool
}

func write(path, kind string, der []byte) {
	must(os.WriteFile(path, pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der}), 0o600))
}

func must(err error) {
	if err != nil {
		panic(err)
	}
}
