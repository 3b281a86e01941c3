package dev.backstep.job.definition;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.catchThrowableOfType;

import dev.backstep.domain.JobDefinition;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Where the disks come from, by the type of the source. */
class SourceDefinitionTests {

  private static String message(String yaml) {
    return catchThrowableOfType(JobDefinitionException.class, () -> JobDefinitions.read(yaml))
        .getMessage();
  }

  @Test
  void givesBackSettingsOfOtherSources() {
    JobDefinition definition =
        JobDefinitions.read(
            """
            vm: a
            source: { type: x-other, uri: "qemu:///system", domain: 'x y', port: 2000 }
            repository: /r
            exclude: [vdz]
            """);

    assertThat(definition.source().settings())
        .isEqualTo(Map.of("uri", "qemu:///system", "domain", "x y", "port", "2000"));
    assertThat(JobDefinitions.read(JobDefinitions.write(definition))).isEqualTo(definition);
  }

  @Test
  void givesBackEveryFieldOfLibvirt() {
    JobDefinition definition =
        JobDefinitions.read(
            """
            vm: a
            source:
              type: libvirt
              uri: qemu+ssh://host/system
              domain: x y
              scratch: /var/scratch
              scratch-room-mib: 100
              connections: 4
              quiesce: required
            repository: /r
            """);

    assertThat(definition.source().settings())
        .containsEntry("uri", "qemu+ssh://host/system")
        .containsEntry("domain", "x y")
        .containsEntry("scratch", "/var/scratch")
        .containsEntry("scratch-room-mib", "100")
        .containsEntry("connections", "4")
        .containsEntry("quiesce", "required");
    assertThat(JobDefinitions.read(JobDefinitions.write(definition))).isEqualTo(definition);
  }

  @Test
  void givesBackEveryFieldOfQmp() {
    JobDefinition definition =
        JobDefinitions.read(
            """
            vm: a
            source:
              type: qmp
              socket: /run/vm.qmp
              scratch: /var/scratch
              scratch-room-mib: 100
              connections: 4
              disks:
                - { key: vda, node: "disk:0", path: /vms/a.qcow2 }
                - { key: vdb, device: virtio1 }
            repository: /r
            """);

    assertThat(definition.source().settings())
        .containsEntry("socket", "/run/vm.qmp")
        .containsEntry("scratch", "/var/scratch")
        .containsEntry("scratch-room-mib", "100")
        .containsEntry("connections", "4");
    assertThat(definition.source().disks())
        .extracting(disk -> disk.key() + " " + disk.location() + " " + disk.settings())
        .containsExactly("vda node:disk:0 {path=/vms/a.qcow2}", "vdb device:virtio1 {}");
    assertThat(JobDefinitions.read(JobDefinitions.write(definition))).isEqualTo(definition);
  }

  @Test
  void refusesDisksOfQmpThatNameNoOneDisk() {
    assertThat(
            message(
                    """
                    vm: a
                    source:
                      type: qmp
                      scratch-room-mib: much
                      disks:
                        - { key: vda }
                        - { key: vdb, node: b, device: d }
                        - { key: vdc, node: c, pat: /c }
                        - { key: vdd, node: c }
                    repository: /r
                    """)
                .lines())
        .containsExactly(
            "job definition:3:3: a source has no field 'socket'; it is needed",
            "job definition:4:21: 'scratch-room-mib' is 'much'; expected a whole number from 0 to"
                + " 999999999",
            "job definition:6:7: a disk of source 'qmp' is named by nothing; expected exactly one"
                + " of: node, device",
            "job definition:7:7: a disk of source 'qmp' is named by node and device; expected"
                + " exactly one of: node, device",
            "job definition:8:28: unknown field 'pat' in a disk; accepted: device, key, node,"
                + " path; did you mean 'path'?",
            "job definition:9:7: disk 'vdd' is the same place as 'vdc'");
  }

  @ParameterizedTest
  @ValueSource(strings = {"http://host/x", "/run/a.sock", "nbd://ho st/x", "nbd", ""})
  void refusesWhatIsNoNbdUri(String uri) {
    assertThat(
            message(
                """
                vm: a
                source: { type: nbd, disks: [ { key: vda, uri: "%s" } ] }
                repository: /r
                """
                    .formatted(uri)))
        .contains("'uri' is '" + uri + "'");
  }
}
