package main

import (
	"context"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"

	"github.com/vmware/govmomi"
	"github.com/vmware/govmomi/vapi/rest"
	"github.com/vmware/govmomi/vapi/tags"
	"github.com/vmware/govmomi/vim25/types"
)

// rest hands requests for tags to the simulator's REST API, which takes any password, and counts its sessions.
func (v *vcenter) rest(w http.ResponseWriter, r *http.Request) {
	key := "rest " + r.Header.Get("vmware-api-session-id")
	opening := r.Method == http.MethodPost && strings.HasSuffix(r.URL.Path, "/cis/session")
	if opening {
		user, password, _ := r.BasicAuth()
		expected, _ := v.service.Listen.User.Password()
		if user != v.service.Listen.User.Username() || password != expected {
			w.WriteHeader(http.StatusUnauthorized)
			return
		}
	}
	recorder := httptest.NewRecorder()
	v.service.ServeMux.ServeHTTP(recorder, r)
	v.mutex.Lock()
	if opening && recorder.Code == http.StatusOK {
		var session struct{ Value string }
		_ = json.Unmarshal(recorder.Body.Bytes(), &session)
		v.sessions["rest "+session.Value] = true
	}
	if r.Method == http.MethodDelete {
		delete(v.sessions, key)
	}
	v.mutex.Unlock()
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(recorder.Code)
	_, _ = w.Write(recorder.Body.Bytes())
}

// tag gives a VM, or another object, a tag: category, tag, vm, type.
func (v *vcenter) tag(r *http.Request) (interface{}, error) {
	ctx := context.Background()
	client, err := govmomi.NewClient(ctx, v.service.Listen, true)
	if err != nil {
		return nil, err
	}
	defer client.Logout(ctx)
	api := rest.NewClient(client.Client)
	if err = api.Login(ctx, url.UserPassword("lab", "lab")); err != nil {
		return nil, err
	}
	defer api.Logout(ctx)
	manager := tags.NewManager(api)
	category, err := manager.GetCategory(ctx, r.FormValue("category"))
	var id string
	if err == nil {
		id = category.ID
	} else if id, err = manager.CreateCategory(ctx, &tags.Category{Name: r.FormValue("category"), Cardinality: "MULTIPLE"}); err != nil {
		return nil, err
	}
	made, err := manager.GetTagForCategory(ctx, r.FormValue("tag"), id)
	var tag string
	if err == nil {
		tag = made.ID
	} else if tag, err = manager.CreateTag(ctx, &tags.Tag{Name: r.FormValue("tag"), CategoryID: id}); err != nil {
		return nil, err
	}
	kind := r.FormValue("type")
	if kind == "" {
		kind = "VirtualMachine"
	}
	return map[string]string{}, manager.AttachTag(ctx, tag, types.ManagedObjectReference{Type: kind, Value: r.FormValue("vm")})
}
