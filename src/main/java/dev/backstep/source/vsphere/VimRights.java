package dev.backstep.source.vsphere;

import java.io.IOException;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;

/** What the user who has logged in may do. */
final class VimRights {

  private final VimSession session;
  private final PropertyReader properties;

  VimRights(VimSession session, PropertyReader properties) {
    this.session = session;
    this.properties = properties;
  }

  /** As {@link VsphereGateway#datastores}. */
  Map<Moref, String> datastores(Moref machine) throws IOException {
    Map<Moref, String> names = new LinkedHashMap<>();
    for (XmlNode datastore : properties.of(machine, "datastore").array("datastore")) {
      names.put(datastore.ref(), name(datastore.ref()));
    }
    return names;
  }

  private String name(Moref datastore) throws IOException {
    try {
      return properties.of(datastore, "name").text("name").orElse(datastore.value());
    } catch (VsphereFault e) {
      return unlessRefused(e, datastore.value());
    }
  }

  /** As {@link VsphereGateway#missingPrivileges}. */
  Set<String> missing(Moref entity, List<String> privileges) throws IOException {
    Set<String> missing = new TreeSet<>(privileges);
    try {
      missing.removeAll(granted(entity, privileges));
      return missing;
    } catch (VsphereFault e) {
      return unlessRefused(e, missing);
    }
  }

  private static <T> T unlessRefused(VsphereFault fault, T other) throws VsphereFault {
    if (fault.is("NoPermission")) {
      return other;
    }
    throw fault;
  }

  private Set<String> granted(Moref entity, List<String> privileges) throws IOException {
    XmlNode answer = session.ask("HasPrivilegeOnEntities", () -> question(entity, privileges));
    Set<String> granted = new TreeSet<>();
    for (XmlNode told : answer.children("returnval")) {
      for (XmlNode one : told.children("privAvailability")) {
        if (one.flag("isGranted")) {
          granted.add(one.text("privId").orElse(""));
        }
      }
    }
    return granted;
  }

  private SoapBody question(Moref entity, List<String> privileges) {
    SoapBody body =
        SoapBody.of("HasPrivilegeOnEntities", session.service("authorizationManager"))
            .ref("entity", entity)
            .text("sessionId", session.key());
    privileges.forEach(privilege -> body.text("privId", privilege));
    return body;
  }
}
