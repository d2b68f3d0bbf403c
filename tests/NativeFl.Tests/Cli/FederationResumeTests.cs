using System.Text.Json.Nodes;
using NativeFl.Cli;
using NativeFl.Federation;
using NativeFl.Models;
using NativeFl.Tests.Models;

namespace NativeFl.Tests.Cli;

/// <summary>The checkpoint of a federation between two rounds.</summary>
public sealed class FederationResumeTests() : ModelTest("llama")
{
    [Test]
    public void The_base_is_written_after_the_rounds_that_changed_it_and_stays_until_the_next()
    {
        using var folder = new TemporaryFolder();
        string checkpoint = folder.At("checkpoint"), untouched = folder.At("checkpoint", "base-0002", "untouched");
        string?[] bases = [.. new[] { 0, 2, 2, 4 }.Select((baseRound, done) =>
        {
            FederationResume.Save(folder.Root, new ServerState { Round = done + 1, BaseRound = baseRound }, Model, Rounds(done + 1));
            if (done == 1) File.WriteAllText(untouched, "");
            if (done == 2) Assert.That(File.Exists(untouched));
            return Path.GetFileName(FederationResume.Load(folder.Root, Model.Config)!.BaseFolder);
        })];
        Assert.That(bases, Is.EqualTo(new[] { null, "base-0002", "base-0002", "base-0004" }));
        Assert.That(Directory.GetDirectories(checkpoint).Select(path => Path.GetFileName(path)).Order(), Is.EqualTo(new[] { "base-0004", "server-0004" }));
        using Transformer back = Transformer.Load(Backend, Path.Combine(checkpoint, "base-0004"));
        Assert.That(back.ReadTensor("model.norm.weight"), Is.EqualTo(Model.ReadTensor("model.norm.weight")));
    }

    private static IEnumerable<JsonObject> Rounds(int count) =>
        Enumerable.Range(1, count).Select(round => FederationJson.Round(new RoundResult { Round = round, Clients = [] }));
}
