package dev.backstep.source.vsphere;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.catchThrowableOfType;

import dev.backstep.source.SourceException;
import java.io.IOException;
import java.nio.file.Path;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** What a session that has expired, or a user without rights, must not be taken for. */
class VimSessionTests {

  private static final Moref VM = Moref.machine("vm-45");
  private static final String SNAPSHOTS =
      "<VirtualMachineSnapshotTree><snapshot type=\"VirtualMachineSnapshot\">snapshot-9</snapshot>"
          + "<name>by hand</name><createTime>2026-11-27T08:47:50Z</createTime>"
          + "</VirtualMachineSnapshotTree>";

  @TempDir Path folder;
  private final ScriptedCarrier carrier = new ScriptedCarrier();
  private VimClient client;

  @BeforeEach
  void logIn() throws IOException {
    client = carrier.logIn(folder);
  }

  @Test
  void expiredSessionIsOpenedAgainOnce() throws IOException {
    carrier.refuse(new VsphereFault("x", "NotAuthenticated", "", ""));
    carrier.answer("<returnval><key>key-2</key></returnval>");
    carrier.answer("<returnval>2026-11-27T08:47:50Z</returnval>");

    client.now();

    assertThat(carrier.sent()).hasSize(5);
    assertThat(carrier.sent().get(3)).contains("<userName>me</userName>");
  }

  @Test
  void orderIsNotRepeatedAfterABrokenConnection() {
    carrier.refuse(new SourceException(SourceException.Kind.UNREACHABLE, "broken"));

    assertThat(
            catchThrowableOfType(
                SourceException.class, () -> client.createSnapshot(VM, "n", "d", false)))
        .hasMessage("broken");
    assertThat(carrier.sent()).hasSize(3);
  }

  private static String object(Moref ref, String content) {
    return "<objects><obj type=\"%s\">%s</obj>%s</objects>"
        .formatted(ref.type(), ref.value(), content);
  }

  private static String value(String path, String content) {
    return "<propSet><name>%s</name><val>%s</val></propSet>".formatted(path, content);
  }

  /** What a server answers without a session, or without a right, beside HTTP status 200. */
  private static String missing(String path, String fault) {
    return ("<missingSet><path>%s</path><fault><fault xsi:type=\"%s\"/><localizedMessage>it says so"
            + "</localizedMessage></fault></missingSet>")
        .formatted(path, fault);
  }

  private void answer(String... objects) {
    carrier.answer("<returnval>" + String.join("", objects) + "</returnval>");
  }

  @Test
  void propertiesThatExpiredSessionsDoNotTellAreAskedForInANewOne() throws IOException {
    String path = "snapshot.rootSnapshotList";
    answer(object(VM, missing("name", "NotAuthenticated") + missing(path, "NotAuthenticated")));
    carrier.answer("<returnval><key>key-2</key></returnval>");
    answer(object(VM, value("name", "web") + value(path, SNAPSHOTS)));

    Machine machine = client.machine(VM);

    assertThat(machine.snapshots()).extracting(Machine.HeldSnapshot::name).contains("by hand");
    assertThat(carrier.methods().subList(2, 5))
        .containsExactly("RetrievePropertiesEx", "Login", "RetrievePropertiesEx");
  }

  @Test
  void propertyThatMayNotBeSeenIsNotTakenForOneThatIsNotSet() {
    answer(object(VM, value("name", "web") + missing("snapshot.rootSnapshotList", "NoPermission")));

    assertThat(catchThrowableOfType(VsphereFault.class, () -> client.machine(VM)))
        .hasMessageContaining("vm-45: its property snapshot.rootSnapshotList: it says so")
        .hasMessageContaining("NoPermission");
  }

  @Test
  void propertyThatAReleaseDoesNotHaveCountsAsNotSet() throws IOException {
    answer(object(VM, value("name", "web") + missing("runtime.host", "InvalidProperty")));

    assertThat(client.machine(VM).host()).isEmpty();
  }

  @Test
  void listLeavesOutWhatThisUserMayNotSee() throws IOException {
    for (String type : new String[] {"Folder", "Datacenter"}) {
      carrier.answer("<returnval type=\"ContainerView\">view-" + type + "</returnval>");
      answer();
      carrier.answer("");
    }
    carrier.answer("<returnval type=\"ContainerView\">view-3</returnval>");
    answer(
        object(VM, value("name", "web") + missing("customValue", "NoPermission")),
        object(Moref.machine("vm-46"), missing("name", "ManagedObjectNotFound")));

    assertThat(client.machines()).extracting(VsphereGateway.Entry::name).containsExactly("web", "");
  }

  @Test
  void listWhoseSessionEndsBetweenTwoPagesIsReadAnew() throws IOException {
    VsphereFault expired = new VsphereFault("x", "NotAuthenticated", "", "");
    Moref folder = new Moref("Folder", "group-v3");
    carrier.answer("<returnval type=\"ContainerView\">view-1</returnval>");
    carrier.answer("<returnval>" + object(folder, "") + "<token>more</token></returnval>");
    carrier.refuse(expired);
    carrier.refuse(expired);
    carrier.answer("<returnval><key>key-2</key></returnval>");
    for (String view : new String[] {"view-2", "view-3", "view-4"}) {
      carrier.answer("<returnval type=\"ContainerView\">" + view + "</returnval>");
      answer();
      carrier.answer("");
    }

    client.machines();

    assertThat(carrier.methods().subList(2, 10))
        .containsExactly(
            "CreateContainerView",
            "RetrievePropertiesEx",
            "ContinueRetrievePropertiesEx",
            "DestroyView",
            "Login",
            "CreateContainerView",
            "RetrievePropertiesEx",
            "DestroyView");
  }

  @Test
  void pagesOfOneObjectEachAreOneList() throws IOException {
    for (String type : new String[] {"Folder", "Datacenter"}) {
      carrier.answer("<returnval type=\"ContainerView\">view-" + type + "</returnval>");
      answer();
      carrier.answer("");
    }
    carrier.answer("<returnval type=\"ContainerView\">view-3</returnval>");
    answer(object(VM, value("name", "web")), "<token>1</token>");
    answer(object(Moref.machine("vm-46"), value("name", "db")), "<token>2</token>");
    answer(object(Moref.machine("vm-47"), value("name", "mail")));

    assertThat(client.machines())
        .extracting(VsphereGateway.Entry::name)
        .containsExactly("web", "db", "mail");
  }

  @Test
  void taskThatIsNotToldOfHasNotSucceeded() {
    carrier.answer("<returnval type=\"Task\">task-1</returnval>");
    answer(object(new Moref("Task", "task-1"), ""));

    assertThat(catchThrowableOfType(IOException.class, () -> client.setTracking(VM, true)))
        .hasMessageContaining("task-1: the server does not say how this task is");
  }
}
