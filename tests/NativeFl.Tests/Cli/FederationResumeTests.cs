using NativeFl.Cli;
using NativeFl.Federation;
using NativeFl.Models;
using NativeFl.Tests.Federation;

namespace NativeFl.Tests.Cli;

/// <summary>The checkpoint of a federation between two rounds.</summary>
public sealed class FederationResumeTests
{
    [Test]
    public void The_base_is_written_after_the_rounds_that_changed_it_and_stays_until_the_next()
    {
        using var folder = new TemporaryFolder();
        using var backend = FederationCases.Backend();
        using Transformer model = FederationCases.Model(backend);
        string checkpoint = folder.At("checkpoint"), untouched = folder.At("checkpoint", "base-0002", "untouched");
        string?[] bases = [.. new[] { 0, 2, 2, 4 }.Select((baseRound, done) =>
        {
            FederationResume.Save(folder.Root, new ServerState { Round = done + 1, BaseRound = baseRound }, model, Rounds(done + 1));
            if (done == 1) File.WriteAllText(untouched, "");
            if (done == 2) Assert.That(File.Exists(untouched));
            return FederationResume.Load(folder.Root, model.Config)!.BaseFolder;
        })];
        Assert.That(bases.Select(path => Path.GetFileName(path)), Is.EqualTo(new[] { null, "base-0002", "base-0002", "base-0004" }));
        Assert.That(Directory.GetDirectories(checkpoint).Select(path => Path.GetFileName(path)).Order(), Is.EqualTo(new[] { "base-0004", "server-0004" }));
        using Transformer back = Transformer.Load(backend, bases[^1]!);
        Assert.That(back.ReadTensor("model.norm.weight"), Is.EqualTo(model.ReadTensor("model.norm.weight")));
    }

    private static IEnumerable<System.Text.Json.Nodes.JsonObject> Rounds(int count) =>
        Enumerable.Range(1, count).Select(round => FederationJson.Round(new RoundResult { Round = round, Clients = [] }));
}
