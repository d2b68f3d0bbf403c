using NativeFl.Data;
using NativeFl.Federation;
using NativeFl.Finetuning;
using NativeFl.Models;
using NativeFl.Tensors.Cpu;
using NativeFl.Tokenization;

namespace NativeFl.Tests;

/// <summary>The first example of README.md, compiled and run: its text is what stands between the two lines.</summary>
internal static class ReadmeSample
{
    public static void Run(string folder, string alice, string bob, string output)
    {
        // begin
        using var backend = new CpuBackend();
        using var model = Transformer.Load(backend, folder);
        var tokenizer = Tokenizer.Load(folder);

        ClientTask Client(string file, int rank, ulong seed) => new()
        {
            Id = file,
            Seed = seed,
            Examples = Dataset.Load([file], tokenizer, new PromptOptions(), model.Config.VocabularySize),
            Initial = LoraInitialisation.Create(model.Config, new LoraOptions { Rank = rank }, seed),
        };
        ClientTask[] clients = [Client(alice, rank: 64, seed: 1), Client(bob, rank: 8, seed: 2)];

        // Both train in one pass over the frozen base; the stack of their adapters is the weighted sum of their updates, exactly.
        var updates = new AdapterTrainer(model).Train(clients);
        var round = Contributions.Of([.. updates.Select(u => u.Adapter)], [.. clients.Select(c => (double)c.Examples.Count)]);
        var global = new FloraStacking().Aggregate(round, new ServerState()).Product;
        AdapterFolder.Save(output, global, new AdapterSettings { BaseModel = folder });
        // end
    }
}
