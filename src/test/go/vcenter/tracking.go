package main

import (
	"bytes"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/vmware/govmomi/simulator"
	"github.com/vmware/govmomi/vim25/types"
)

// block is the granularity of change tracking here, in bytes.
const block = 64 << 10

type area struct{ start, length int64 }

func (v *vcenter) queryChangedDiskAreas(w http.ResponseWriter, req *request) {
	m, _ := v.machine(w, req.self)
	if m == nil {
		return
	}
	key, _ := strconv.Atoi(req.field("deviceKey"))
	start, _ := strconv.ParseInt(req.field("startOffset"), 10, 64)
	since := req.field("changeId")
	ref := types.ManagedObjectReference{Type: "VirtualMachineSnapshot", Value: req.field("snapshot")}
	if _, ok := simulator.Map.Get(ref).(*simulator.VirtualMachineSnapshot); !ok {
		fault(w, "ManagedObjectNotFound", "no such snapshot", fmt.Sprintf(`<obj type="VirtualMachineSnapshot">%s</obj>`, ref.Value))
		return
	}
	v.mutex.Lock()
	defer v.mutex.Unlock()
	d := m.disks[int32(key)]
	if d == nil {
		invalid(w, "deviceKey")
		return
	}
	now := filepath.Join(v.folder, "frozen", ref.Value, strconv.Itoa(key)+".raw")
	if d.independent || !m.tracked || !v.recorded(d, now) {
		fault(w, "FileFault", "Error caused by file "+d.file, "<file>"+d.file+"</file>")
		return
	}
	var before string
	if since != "*" {
		var known bool
		if before, known = d.moments[since]; !known {
			invalid(w, "changeId")
			return
		}
	} else if m.starFails {
		fault(w, "FileFault", "Error caused by file "+d.file, "<file>"+d.file+"</file>")
		return
	}
	areas, size, err := changed(before, now)
	if err != nil {
		fault(w, "FileFault", err.Error(), "<file>"+d.file+"</file>")
		return
	}
	if start >= size {
		invalid(w, "startOffset")
		return
	}
	if d.lies && len(areas) > 0 {
		areas = areas[1:]
	}
	v.page(w, req.method, areas, start, size)
}

// recorded tells whether a snapshot carries a change id of a disk.
func (v *vcenter) recorded(d *disk, file string) bool {
	for _, frozen := range d.moments {
		if frozen == file {
			return true
		}
	}
	return false
}

func invalid(w http.ResponseWriter, property string) {
	fault(w, "InvalidArgument", "A specified parameter was not correct: "+property, "<invalidProperty>"+property+"</invalidProperty>")
}

// page answers with as much as one answer may hold; it may hold no area at all.
func (v *vcenter) page(w http.ResponseWriter, method string, areas []area, start, size int64) {
	end := start + v.spanBytes
	if end > size {
		end = size
	}
	var content strings.Builder
	count := 0
	for _, one := range areas {
		from, to := one.start, one.start+one.length
		if from < start {
			from = start
		}
		if to > end {
			to = end
		}
		if from >= to {
			continue
		}
		if count == v.areasMax {
			end = from
			break
		}
		count++
		fmt.Fprintf(&content, "<changedArea><start>%d</start><length>%d</length></changedArea>", from, to-from)
	}
	answer(w, method, fmt.Sprintf("<returnval><startOffset>%d</startOffset><length>%d</length>%s</returnval>", start, end-start, content.String()))
}

// changed compares two frozen disks, or one with zeros.
func changed(before, now string) ([]area, int64, error) {
	new, err := os.ReadFile(now)
	if err != nil {
		return nil, 0, err
	}
	var old []byte
	if before != "" {
		if old, err = os.ReadFile(before); err != nil {
			return nil, 0, err
		}
	}
	zeros := make([]byte, block)
	var areas []area
	for at := 0; at < len(new); at += block {
		end := at + block
		if end > len(new) {
			end = len(new)
		}
		then := zeros[:end-at]
		if end <= len(old) {
			then = old[at:end]
		}
		if bytes.Equal(new[at:end], then) {
			continue
		}
		if last := len(areas) - 1; last >= 0 && areas[last].start+areas[last].length == int64(at) {
			areas[last].length += int64(end - at)
		} else {
			areas = append(areas, area{int64(at), int64(end - at)})
		}
	}
	return areas, int64(len(new)), nil
}
