package main

import (
	"bytes"
	"encoding/xml"
	"fmt"
	"html"
	"io/ioutil"
	"net/http"
	"net/http/httptest"
	"strings"
	"time"

	"github.com/vmware/govmomi/vim25/types"
)

// order is what the schema of vim25 says of a request's elements; a real vCenter refuses others.
var order = map[string]string{
	"RetrieveServiceContent":       "_this",
	"Login":                        "_this userName password locale",
	"Logout":                       "_this",
	"CurrentTime":                  "_this",
	"CreateContainerView":          "_this container type recursive",
	"DestroyView":                  "_this",
	"RetrievePropertiesEx":         "_this specSet options",
	"ContinueRetrievePropertiesEx": "_this token",
	"FindByUuid":                   "_this datacenter uuid vmSearch instanceUuid",
	"FindByInventoryPath":          "_this inventoryPath",
	"CreateSnapshot_Task":          "_this name description memory quiesce",
	"RemoveSnapshot_Task":          "_this removeChildren consolidate",
	"ReconfigVM_Task":              "_this spec",
	"QueryChangedDiskAreas":        "_this snapshot deviceKey startOffset changeId",
	"ConsolidateVMDisks_Task":      "_this",
	"CreateVM_Task":                "_this config pool host",
	"HasPrivilegeOnEntities":       "_this entity sessionId privId",
}

// open are the methods that need no session. Of properties each one is told to be missing then.
var open = map[string]bool{"RetrieveServiceContent": true, "Login": true, "RetrievePropertiesEx": true}

type request struct {
	method string
	self   types.ManagedObjectReference
	fields map[string][]string
	raw    []byte
}

// element is any XML element.
type element struct {
	XMLName  xml.Name
	Text     string    `xml:",chardata"`
	Type     string    `xml:"type,attr"`
	Children []element `xml:",any"`
}

func (v *vcenter) serve(w http.ResponseWriter, r *http.Request) {
	raw, err := ioutil.ReadAll(r.Body)
	if err != nil {
		return
	}
	req, problem := parse(raw)
	if problem != "" {
		fault(w, "InvalidRequest", problem, "")
		return
	}
	v.mutex.Lock()
	v.calls[req.method]++
	injected := v.injected(req)
	known := v.sessions[session(r)]
	v.mutex.Unlock()
	if !known {
		// The simulator may still know a session that has expired here.
		r.Header.Del("Cookie")
		if req.method != "Login" {
			// A server may hand out cookies at any time, of sessions that nobody has logged in to.
			w.Header().Add("Set-Cookie", "vmware_soap_session=\"nobody\"; Path=/; HttpOnly; Secure")
		}
	}
	if !known && !open[req.method] {
		fault(w, "NotAuthenticated", "The session is not authenticated.", "")
		return
	}
	if injected != nil && injected.apply(w, r) {
		return
	}
	if injected != nil && injected.hold == "asked" {
		v.hold(r)
		return
	}
	if injected != nil && injected.hold == "done" {
		v.carryOut(httptest.NewRecorder(), r, req, injected)
		v.hold(r)
		return
	}
	v.carryOut(w, r, req, injected)
}

// hold keeps a client waiting for its answer until it is gone.
func (v *vcenter) hold(r *http.Request) {
	v.mutex.Lock()
	v.held++
	v.mutex.Unlock()
	<-r.Context().Done()
}

func (v *vcenter) carryOut(w http.ResponseWriter, r *http.Request, req *request, injected *injection) {
	switch req.method {
	case "QueryChangedDiskAreas":
		v.queryChangedDiskAreas(w, req)
	case "CreateSnapshot_Task":
		v.createSnapshot(w, req, injected)
	case "RemoveSnapshot_Task":
		v.removeSnapshot(w, req, injected)
	case "CreateVM_Task":
		v.pass(w, r, req)
		must(v.adopt())
	case "ConsolidateVMDisks_Task":
		v.consolidate(w, req, injected)
	case "ReconfigVM_Task":
		v.reconfigure(w, req, injected)
	case "ContinueRetrievePropertiesEx":
		v.nextPage(w, r, req)
	case "HasPrivilegeOnEntities":
		v.hasPrivileges(w, req)
	default:
		v.pass(w, r, req)
	}
}

// parse finds out which method is called on what, and whether its elements stand in order.
func parse(raw []byte) (*request, string) {
	var envelope struct {
		Body struct {
			Call []element `xml:",any"`
		} `xml:"Body"`
	}
	if err := xml.Unmarshal(raw, &envelope); err != nil || len(envelope.Body.Call) != 1 {
		return nil, fmt.Sprintf("not one call in an envelope: %v", err)
	}
	call := envelope.Body.Call[0]
	req := &request{method: call.XMLName.Local, fields: map[string][]string{}, raw: raw}
	expected, known := order[req.method]
	if !known {
		return nil, "this vCenter is not asked for " + req.method
	}
	rest := strings.Fields(expected)
	for _, child := range call.Children {
		name := child.XMLName.Local
		for len(rest) > 0 && rest[0] != name {
			rest = rest[1:]
		}
		if len(rest) == 0 {
			return nil, fmt.Sprintf("Unexpected element %q in %s; the order is: %s", name, req.method, expected)
		}
		if name == "_this" {
			req.self = types.ManagedObjectReference{Type: child.Type, Value: strings.TrimSpace(child.Text)}
		}
		req.fields[name] = append(req.fields[name], strings.TrimSpace(child.Text))
	}
	return req, ""
}

func (r *request) field(name string) string {
	if values := r.fields[name]; len(values) > 0 {
		return values[0]
	}
	return ""
}

func session(r *http.Request) string {
	for _, part := range strings.Split(r.Header.Get("Cookie"), "; ") {
		if strings.HasPrefix(part, "vmware_soap_session=") {
			return part
		}
	}
	return ""
}

// pass hands a request to the simulator. Session cookies come back quoted, as those of a vCenter are.
func (v *vcenter) pass(w http.ResponseWriter, r *http.Request, req *request) {
	inner := httptest.NewRequest(http.MethodPost, "/sdk", bytes.NewReader(req.raw))
	inner.Header = r.Header.Clone()
	if req.method == "Login" {
		inner.Header.Del("Cookie")
	}
	recorder := httptest.NewRecorder()
	v.service.ServeSDK(recorder, inner)
	answer := recorder.Result()
	for _, cookie := range answer.Cookies() {
		if cookie.Name == "vmware_soap_session" && cookie.Value != "" {
			value := "vmware_soap_session=\"" + cookie.Value + "\""
			w.Header().Add("Set-Cookie", value+"; Path=/; HttpOnly; Secure")
			if req.method == "Login" && answer.StatusCode == http.StatusOK {
				v.mutex.Lock()
				v.sessions[value] = true
				v.logins++
				v.mutex.Unlock()
			}
		}
	}
	if req.method == "Logout" {
		v.mutex.Lock()
		delete(v.sessions, session(r))
		v.mutex.Unlock()
	}
	body := recorder.Body.String()
	if req.method == "RetrievePropertiesEx" {
		body = v.firstPage(session(r), body)
	}
	w.Header().Set("Content-Type", "text/xml; charset=utf-8")
	w.WriteHeader(answer.StatusCode)
	_, _ = w.Write([]byte(body))
}

// firstPage leaves one object in an answer about properties, and keeps the others for who asks on in the same session:
// a server may make its pages as small as it likes.
func (v *vcenter) firstPage(session, body string) string {
	parts := strings.SplitAfter(body, "</objects>")
	last := len(parts) - 1
	if last < 2 {
		return body
	}
	begin := strings.Index(parts[0], "<objects>")
	v.mutex.Lock()
	defer v.mutex.Unlock()
	v.pages++
	token := fmt.Sprintf("page-%d", v.pages)
	v.unread[session+token] = parts[1:last]
	return parts[0][:begin] + "<token>" + token + "</token>" + parts[0][begin:] + parts[last]
}

func (v *vcenter) nextPage(w http.ResponseWriter, r *http.Request, req *request) {
	token := req.field("token")
	key := session(r) + token
	v.mutex.Lock()
	rest := v.unread[key]
	if len(rest) > 1 {
		v.unread[key] = rest[1:]
	} else {
		delete(v.unread, key)
	}
	v.mutex.Unlock()
	switch len(rest) {
	case 0:
		invalid(w, "token")
	case 1:
		answer(w, req.method, "<returnval>"+rest[0]+"</returnval>")
	default:
		answer(w, req.method, "<returnval><token>"+token+"</token>"+rest[0]+"</returnval>")
	}
}

const envelope = `<?xml version="1.0" encoding="UTF-8"?>
<soapenv:Envelope xmlns:soapenv="http://schemas.xmlsoap.org/soap/envelope/"
 xmlns:xsd="http://www.w3.org/2001/XMLSchema" xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance"><soapenv:Body>%s</soapenv:Body></soapenv:Envelope>`

func fault(w http.ResponseWriter, name, message, content string) {
	w.Header().Set("Content-Type", "text/xml; charset=utf-8")
	w.WriteHeader(http.StatusInternalServerError)
	fmt.Fprintf(w, envelope, fmt.Sprintf(`<soapenv:Fault><faultcode>ServerFaultCode</faultcode><faultstring>%s</faultstring>`+
		`<detail><%sFault xmlns="urn:vim25" xsi:type="%s">%s</%sFault></detail></soapenv:Fault>`,
		html.EscapeString(message), name, name, content, name))
}

func answer(w http.ResponseWriter, method, content string) {
	w.Header().Set("Content-Type", "text/xml; charset=utf-8")
	fmt.Fprintf(w, envelope, fmt.Sprintf(`<%sResponse xmlns="urn:vim25">%s</%sResponse>`, method, content, method))
}

func (v *vcenter) hasPrivileges(w http.ResponseWriter, req *request) {
	var content strings.Builder
	v.mutex.Lock()
	for _, entity := range req.fields["entity"] {
		kind := "VirtualMachine"
		if bytes.Contains(req.raw, []byte(`type="Datastore">`+entity)) {
			kind = "Datastore"
		}
		fmt.Fprintf(&content, `<returnval><entity type="%s">%s</entity>`, kind, entity)
		for _, id := range req.fields["privId"] {
			// The rights of a role count where their kind of object is.
			granted := !v.denied[id] && strings.HasPrefix(id, kind+".")
			fmt.Fprintf(&content, `<privAvailability><privId>%s</privId><isGranted>%t</isGranted></privAvailability>`, id, granted)
		}
		content.WriteString(`</returnval>`)
	}
	v.mutex.Unlock()
	answer(w, req.method, content.String())
}

// injection is trouble that a test asked for. hold: the answer never comes, to a request that is only asked or
// one that is done. about: what the request must contain.
type injection struct {
	hold    string
	about   string
	method  string
	skip    int
	count   int
	fault   string
	content string
	drop    bool
	status  int
	delay   time.Duration
	task    bool
	changes string
}

// injected finds the trouble that is due for a request; the caller holds the mutex.
func (v *vcenter) injected(req *request) *injection {
	for _, one := range v.faults {
		if one.method != req.method || one.count == 0 || !bytes.Contains(req.raw, []byte(one.about)) {
			continue
		}
		if one.skip > 0 {
			one.skip--
			continue
		}
		one.count--
		copied := *one
		return &copied
	}
	return nil
}

// apply makes trouble that needs nobody else, and says whether the request is answered by it.
func (i *injection) apply(w http.ResponseWriter, r *http.Request) bool {
	if i.task {
		return false
	}
	time.Sleep(i.delay)
	switch {
	case i.drop:
		breakOff(w)
		return true
	case i.status != 0:
		w.WriteHeader(i.status)
		return true
	case i.fault != "":
		fault(w, i.fault, "injected: "+i.fault, i.content)
		return true
	}
	return false
}

func breakOff(w http.ResponseWriter) {
	if hijacker, ok := w.(http.Hijacker); ok {
		if connection, _, err := hijacker.Hijack(); err == nil {
			connection.Close()
		}
	}
}
