package dev.backstep.job.definition;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.catchThrowableOfType;

import dev.backstep.domain.JobDefinition;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** Which VM of which vCenter a definition means. */
class VsphereDefinitionTests {

  private static final String DEFINITION =
      """
      vm: web
      source:
        type: vsphere
        server: vc.example.com
        user: backup@vsphere.local
        password-file: /etc/backstep/password
        path: /DC/vm/a%2fb
        snapshot-age-max: 2d
        quiesce: required
      repository: /backups
      """;

  @Test
  void readsWhatItWrites() {
    JobDefinition read = JobDefinitions.read(DEFINITION);

    assertThat(JobDefinitions.read(JobDefinitions.write(read))).isEqualTo(read);
    assertThat(read.source().settings())
        .containsEntry("path", "/DC/vm/a%2fb")
        .containsEntry("snapshot-age-max", "172800s");
  }

  @ParameterizedTest(name = "{1}: {2}")
  @CsvSource(
      delimiter = '|',
      textBlock =
          """
          path: /DC/vm/a%2fb | moref: vm-45\\n  name: web | names its VM by name and moref; expected exactly one of
          path: /DC/vm/a%2fb | port: 443 | names its VM by nothing; expected exactly one of
          path: /DC/vm/a%2fb | attribute: backup | a custom attribute and its value: NAME=VALUE
          path: /DC/vm/a%2fb | tag: =daily | a tag behind its category: CATEGORY=TAG
          user: backup@vsphere.local | port: 1 | has no field 'user'
          user: backup@vsphere.local | user: a\\n  password: secret | unknown field 'password'
          quiesce: required | quiesce: maybe | one of: required, try, off
          quiesce: required | certificate: abc | SHA-256 fingerprint
          quiesce: required | connections: 0 | a whole number from 1 to 200
          quiesce: required | passwort-file: /x | did you mean 'password-file'?
          """)
  void saysWhatIsWrong(String right, String wrong, String message) {
    String definition = DEFINITION.replace(right, wrong.replace("\\n", "\n"));

    assertThat(
            catchThrowableOfType(
                JobDefinitionException.class, () -> JobDefinitions.read(definition)))
        .hasMessageContaining(message);
  }
}
