package dev.backstep.source.vsphere;

import static org.assertj.core.api.Assertions.assertThat;

import dev.backstep.domain.SourceDefinition;
import dev.backstep.source.SourceException;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.List;
import java.util.Map;

/** Answers what it was told to, and keeps what it was asked. */
final class ScriptedCarrier implements SoapCarrier {

  private final Deque<Object> answers = new ArrayDeque<>();
  private final List<String> methods = new ArrayList<>();
  private final List<String> sent = new ArrayList<>();

  /** A client that has logged in: two calls were sent. */
  VimClient logIn(Path folder) throws IOException {
    Path password = Files.writeString(folder.resolve("password"), "a&<b\n");
    VsphereSettings settings =
        VsphereSettings.of(
            new SourceDefinition(
                "vsphere",
                List.of(),
                Map.of(
                    "server", "vc",
                    "user", "me",
                    "password-file", password.toString(),
                    "moref", "vm-45")));
    answer(
        """
        <returnval><rootFolder type="Folder">group-d1</rootFolder>\
        <propertyCollector type="PropertyCollector">pc</propertyCollector>\
        <viewManager type="ViewManager">vm</viewManager>\
        <about><fullName>a vCenter</fullName></about>\
        <sessionManager type="SessionManager">sm</sessionManager>\
        <authorizationManager type="AuthorizationManager">am</authorizationManager>\
        <searchIndex type="SearchIndex">si</searchIndex></returnval>\
        """);
    answer("<returnval><key>key-1</key></returnval>");
    return VimClient.open(settings, this);
  }

  void answer(String content) {
    answers.add("<R xmlns:xsi=\"http://www.w3.org/2001/XMLSchema-instance\">" + content + "</R>");
  }

  void refuse(SourceException fault) {
    answers.add(fault);
  }

  /** What each call has in its body so far. */
  List<String> sent() {
    return sent;
  }

  /** The name of each call so far. */
  List<String> methods() {
    return methods;
  }

  @Override
  public XmlNode call(String method, SoapBody body) throws SourceException {
    String envelope = body.envelope();
    String start = "<" + method + " xmlns=\"urn:vim25\">";
    int from = envelope.indexOf(start);
    assertThat(envelope).contains(start).endsWith("</" + method + "></s:Body></s:Envelope>");
    methods.add(method);
    sent.add(envelope.substring(from + start.length(), envelope.indexOf("</" + method + ">")));
    Object answer = answers.isEmpty() ? "<R/>" : answers.remove();
    if (answer instanceof SourceException refused) {
      throw refused;
    }
    try {
      return XmlNode.parse(answer.toString().getBytes(StandardCharsets.UTF_8));
    } catch (IOException e) {
      throw new AssertionError(e);
    }
  }

  @Override
  public String thumbprint() {
    return "AA";
  }

  @Override
  public void close() {}
}
