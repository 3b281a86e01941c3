package dev.backstep.source.vsphere;

import dev.backstep.blockio.ExtentKind;
import dev.backstep.blockio.ExtentVisitor;
import dev.backstep.source.SourceException;
import dev.backstep.source.vsphere.PropertyReader.Properties;
import java.io.IOException;
import java.time.Duration;
import java.time.Instant;
import java.time.OffsetDateTime;
import java.time.format.DateTimeParseException;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.function.Supplier;

/** The gateway by the Web Services API, vim25. */
final class VimClient implements VsphereGateway {

  private static final Duration CREATE_MAX = Duration.ofHours(1);

  /** Removing writes all that was written meanwhile into the disks: hours, on a busy VM. */
  private static final Duration REMOVE_MAX = Duration.ofHours(24);

  private static final Duration CONFIGURE_MAX = Duration.ofMinutes(15);
  private static final int PATH_DEPTH_MAX = 100;

  private final VsphereSettings settings;
  private final VimSession session;
  private final PropertyReader properties;
  private final VimTasks tasks;
  private final VimRights rights;

  private VimClient(VsphereSettings settings, VimSession session) {
    this.settings = settings;
    this.session = session;
    this.properties = new PropertyReader(session);
    this.tasks = new VimTasks(properties);
    this.rights = new VimRights(session, properties);
  }

  static VimClient open(VsphereSettings settings) throws SourceException {
    return new VimClient(settings, VimSession.open(settings));
  }

  /** By another carrier than HTTPS. */
  static VimClient open(VsphereSettings settings, SoapCarrier carrier) throws SourceException {
    return new VimClient(settings, VimSession.open(settings, carrier));
  }

  @Override
  public String fullName() {
    return session.fullName();
  }

  @Override
  public String thumbprint() {
    return session.thumbprint();
  }

  @Override
  public Instant now() throws IOException {
    return instant(
        session
            .ask("CurrentTime", () -> SoapBody.of("CurrentTime", session.instance()))
            .required("returnval")
            .text());
  }

  private static Instant instant(String text) throws IOException {
    try {
      return OffsetDateTime.parse(text).toInstant();
    } catch (DateTimeParseException e) {
      throw new IOException("its answer has " + text + " as a time", e);
    }
  }

  @Override
  public List<Entry> machines() throws IOException {
    Map<Moref, Place> places = new HashMap<>();
    for (String type : List.of("Folder", "Datacenter")) {
      for (Properties one : properties.ofAll(type, "name", "parent")) {
        places.put(one.ref(), Place.of(one));
      }
    }
    List<Entry> entries = new ArrayList<>();
    for (Properties one :
        properties.ofAll("VirtualMachine", "name", "parent", "customValue", "availableField")) {
      String name = one.text("name").orElse("");
      entries.add(new Entry(one.ref(), readable(name), path(one, places), attributes(one)));
    }
    return entries;
  }

  private record Place(String name, Optional<Moref> parent) {
    static Place of(Properties properties) {
      return new Place(
          properties.text("name").orElse(""), properties.find("parent").map(XmlNode::ref));
    }
  }

  /** The root folder has no name in paths, and is not among what it contains. */
  private static String path(Properties machine, Map<Moref, Place> places) {
    StringBuilder path = new StringBuilder("/" + machine.text("name").orElse(""));
    Optional<Moref> at = machine.find("parent").map(XmlNode::ref);
    for (int depth = 0; at.isPresent() && depth < PATH_DEPTH_MAX; depth++) {
      Place place = places.get(at.get());
      if (place == null) {
        break;
      }
      path.insert(0, "/" + place.name());
      at = place.parent();
    }
    return path.toString();
  }

  private static Map<String, String> attributes(Properties machine) {
    Map<String, String> names = new HashMap<>();
    for (XmlNode field : machine.array("availableField")) {
      names.put(field.text("key").orElse(""), field.text("name").orElse(""));
    }
    Map<String, String> values = new HashMap<>();
    for (XmlNode value : machine.array("customValue")) {
      String name = names.get(value.text("key").orElse(""));
      if (name != null) {
        values.put(name, value.text("value").orElse(""));
      }
    }
    return values;
  }

  /** A server writes the characters that its paths are made of as %2f, %5c and %25. */
  private static String readable(String name) {
    return name.replaceAll("(?i)%2f", "/").replaceAll("(?i)%5c", "\\\\").replace("%25", "%");
  }

  /** A name as a server writes it. */
  static String written(String name) {
    return name.replace("%", "%25").replace("/", "%2f").replace("\\", "%5c");
  }

  @Override
  public Optional<Moref> byPath(String path) throws IOException {
    return at(path).filter(ref -> ref.type().equals("VirtualMachine"));
  }

  @Override
  public Optional<Moref> at(String path) throws IOException {
    String below = path.startsWith("/") ? path.substring(1) : path;
    return session
        .ask(
            "FindByInventoryPath",
            () ->
                SoapBody.of("FindByInventoryPath", session.service("searchIndex"))
                    .text("inventoryPath", below))
        .child("returnval")
        .map(XmlNode::ref);
  }

  @Override
  public Optional<Moref> byUuid(String uuid, boolean instance) throws IOException {
    return session
        .ask(
            "FindByUuid",
            () ->
                SoapBody.of("FindByUuid", session.service("searchIndex"))
                    .text("uuid", uuid)
                    .text("vmSearch", true)
                    .text("instanceUuid", instance))
        .child("returnval")
        .map(XmlNode::ref);
  }

  @Override
  public Set<Moref> tagged(String category, String tag) throws IOException {
    try (VapiTags tags = VapiTags.open(settings)) {
      return tags.machines(category, tag);
    }
  }

  @Override
  public Machine machine(Moref ref) throws IOException {
    Properties found =
        properties.of(
            ref,
            "name",
            "config.instanceUuid",
            "config.hardware.device",
            "config.changeTrackingEnabled",
            "capability.changeTrackingSupported",
            "runtime.host",
            "runtime.powerState",
            "guest.toolsRunningStatus",
            "runtime.consolidationNeeded",
            "runtime.faultToleranceState",
            "snapshot.rootSnapshotList",
            "recentTask");
    List<Machine.HeldSnapshot> snapshots = new ArrayList<>();
    addSnapshots(found.array("snapshot.rootSnapshotList"), snapshots);
    return new Machine(
        ref,
        readable(found.text("name").orElse("?")),
        found.text("config.instanceUuid").orElse(""),
        found.text("runtime.host").orElse(""),
        found.text("runtime.powerState").filter(state -> state.equals("poweredOn")).isPresent(),
        found.text("runtime.powerState").filter(state -> state.equals("poweredOff")).isPresent(),
        found.text("guest.toolsRunningStatus").orElse(""),
        found.flag("config.changeTrackingEnabled"),
        !found.text("capability.changeTrackingSupported").orElse("true").equals("false"),
        found.flag("runtime.consolidationNeeded"),
        found.text("runtime.faultToleranceState").orElse("notConfigured"),
        DiskFacts.of(found.array("config.hardware.device")),
        snapshots,
        found.array("recentTask").stream().map(XmlNode::ref).toList());
  }

  private static void addSnapshots(List<XmlNode> trees, List<Machine.HeldSnapshot> all)
      throws IOException {
    for (XmlNode tree : trees) {
      all.add(
          new Machine.HeldSnapshot(
              tree.required("snapshot").ref(),
              tree.text("name").orElse(""),
              tree.text("description").orElse(""),
              instant(tree.required("createTime").text()),
              tree.flag("quiesced")));
      addSnapshots(tree.children("childSnapshotList"), all);
    }
  }

  @Override
  public Frozen frozen(Moref snapshot) throws IOException {
    XmlNode config =
        properties
            .of(snapshot, "config")
            .find("config")
            .orElseThrow(() ->
                new SourceException(
                    SourceException.Kind.FAILED, snapshot + ": the snapshot has no configuration"));
    List<DiskFacts> disks = DiskFacts.of(config.required("hardware").children("device"));
    return new Frozen(disks, KeptConfiguration.of(config));
  }

  @Override
  public void setTracking(Moref machine, boolean on) throws IOException {
    run(
        machine,
        "ReconfigVM_Task",
        () ->
            SoapBody.of("ReconfigVM_Task", machine)
                .start("spec")
                .text("changeTrackingEnabled", on)
                .end(),
        CONFIGURE_MAX);
  }

  @Override
  public void createMachine(Moref folder, MachineSpec spec, Moref pool) throws IOException {
    run(
        folder,
        "CreateVM_Task",
        () -> {
          SoapBody body = SoapBody.of("CreateVM_Task", folder);
          spec.write(body);
          return body.ref("pool", pool);
        },
        CREATE_MAX);
  }

  @Override
  public void createSnapshot(Moref machine, String name, String description, boolean quiesce)
      throws IOException {
    run(
        machine,
        "CreateSnapshot_Task",
        () ->
            SoapBody.of("CreateSnapshot_Task", machine)
                .text("name", name)
                .text("description", description)
                .text("memory", false)
                .text("quiesce", quiesce),
        CREATE_MAX);
  }

  @Override
  public void awaitSnapshotTasks(Moref machine) throws IOException {
    List<Moref> recent =
        properties.of(machine, "recentTask").array("recentTask").stream()
            .map(XmlNode::ref)
            .toList();
    tasks.awaitSnapshots(recent, machine + ": a snapshot task", CREATE_MAX);
  }

  @Override
  public void removeSnapshot(Moref snapshot) throws IOException {
    try {
      run(
          snapshot,
          "RemoveSnapshot_Task",
          () ->
              SoapBody.of("RemoveSnapshot_Task", snapshot)
                  .text("removeChildren", false)
                  .text("consolidate", true),
          REMOVE_MAX);
    } catch (VsphereFault e) {
      if (!e.is("ManagedObjectNotFound")) {
        throw e;
      }
    }
  }

  @Override
  public void consolidate(Moref machine) throws IOException {
    run(
        machine,
        "ConsolidateVMDisks_Task",
        () -> SoapBody.of("ConsolidateVMDisks_Task", machine),
        REMOVE_MAX);
  }

  private void run(Moref on, String method, Supplier<SoapBody> body, Duration limit)
      throws IOException {
    Moref task = session.order(method, body).required("returnval").ref();
    tasks.await(task, on + ": " + method, limit);
  }

  @Override
  public void changedAreas(
      Moref machine, Moref snapshot, DiskFacts disk, String changeId, ExtentVisitor visitor)
      throws IOException {
    long at = 0;
    while (at < disk.sizeBytes()) { // asking at the end is an error
      long offset = at;
      XmlNode page =
          session
              .ask(
                  "QueryChangedDiskAreas",
                  () ->
                      SoapBody.of("QueryChangedDiskAreas", machine)
                          .ref("snapshot", snapshot)
                          .text("deviceKey", disk.key())
                          .text("startOffset", offset)
                          .text("changeId", changeId))
              .required("returnval");
      for (XmlNode area : page.children("changedArea")) {
        long start = area.number("start");
        long length = Math.min(area.number("length"), disk.sizeBytes() - start);
        if (start < 0 || length < 0) {
          throw new IOException(
              "disk " + disk + ": its answer has a changed area at " + start + " outside the disk");
        }
        if (length > 0) {
          visitor.extent(start, length, ExtentKind.DATA);
        }
      }
      // What was answered for, not where the last area ends: a page may hold none.
      long next = page.number("startOffset") + page.number("length");
      if (next <= at) {
        throw new IOException("disk " + disk + ": its answer covers nothing from byte " + at);
      }
      at = next;
    }
  }

  @Override
  public Map<Moref, String> datastores(Moref machine) throws IOException {
    return rights.datastores(machine);
  }

  @Override
  public Set<String> missingPrivileges(Moref entity, List<String> privileges) throws IOException {
    return rights.missing(entity, privileges);
  }

  @Override
  public void close() {
    session.close();
  }
}
