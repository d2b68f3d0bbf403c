using System.Text.Json.Nodes;
using NativeFl.Cli.Flags;
using NativeFl.Data;
using NativeFl.Finetuning;
using NativeFl.Models;
using NativeFl.Tensors;
using NativeFl.Tokenization;

namespace NativeFl.Cli.Verbs;

/// <summary>generate: continues prompts; one prompt on a terminal streams.</summary>
internal static class GenerateVerb
{
    private static Flag<string?> Prompt { get; } = new("--prompt", FlagTypes.Text, null, "the text to continue");

    private static Flag<string> Ids { get; } = new("--ids", FlagTypes.File, "", "token ids to continue instead: {\"input_ids\":[[…]]}");

    private static Flag<int> MaxNewTokens { get; } = new("--max-new-tokens", FlagTypes.Int(0, 1 << 24), 128, "new tokens at most [128]");

    private static Flag<double> Temperature { get; } = new(
        "--temperature", FlagTypes.Number("a number of at least 0", v => v >= 0), 0, "0 takes the likeliest token; above it draws [0]");

    private static Flag<int> TopK { get; } = new("--top-k", FlagTypes.Int(0), 0, "draw from the k likeliest tokens only; 0 = all [0]");

    private static Flag<double> TopP { get; } = new(
        "--top-p", FlagTypes.Number("a number above 0 and at most 1", v => v is > 0 and <= 1), 1, "draw from the likeliest tokens of this total probability only [1]");

    private static Flag<bool> IgnoreEos { get; } = new("--ignore-eos", FlagTypes.Switch, false, "go on after an end-of-text token");

    public static Verb Verb => new(
        "generate",
        "Continue a prompt",
        [DataFlags.Model, DataFlags.Adapter, Prompt, Ids, DataFlags.Template, MaxNewTokens, Temperature, TopK, TopP, IgnoreEos],
        Run);

    private static JsonObject Run(VerbRun run)
    {
        string target = run.Get(SharedFlags.Out);
        using OutputFolder? output = target.Length == 0 ? null : OutputFolder.Create(target, run.Get(SharedFlags.Force));
        if (run.Get(Prompt) is null == (run.Get(Ids).Length == 0))
            throw new InvalidInputException("--prompt", "either --prompt or --ids", run.Get(Prompt) is null ? "neither" : "both");
        using ModelInput input = ModelInput.Open(run, run.Get(DataFlags.Model));
        AdapterFolderContent? adapter = input.Adapter(run.Get(DataFlags.Adapter));
        Tokenizer? tokenizer = run.Get(Prompt) is not null || HasTokenizer(input.Folder) ? input.Tokenizer() : null;
        int[][] prompts = Prompts(run, input, tokenizer);
        int longest = prompts.Max(p => p.Length), limit = input.Config.MaxPositions;
        if (longest >= limit)
            throw new InvalidInputException(run.Get(Ids).Length > 0 ? run.Get(Ids) : "--prompt", $"fewer than {limit} tokens, the model's positions", $"{longest}");

        var options = new GenerationOptions
        {
            MaxNewTokens = Math.Min(run.Get(MaxNewTokens), limit - longest),
            Temperature = run.Get(Temperature),
            TopK = run.Get(TopK),
            TopP = run.Get(TopP),
            Seed = run.Seed,
            IgnoreEos = run.Get(IgnoreEos),
        };
        if (options.MaxNewTokens < run.Get(MaxNewTokens)) run.Note($"--max-new-tokens: {options.MaxNewTokens} are left of the model's {limit} positions");
        using Transformer model = input.Load();
        using AdapterStack? stack = adapter is null ? null : new AdapterStack(model, [adapter.Weights], trainable: false);
        JsonObject result = Generate(run, new Generator(model, stack), tokenizer, prompts, options);
        if (output is null) return result;
        RunRecord.Write(output.WorkPath, run, result);
        output.Commit();
        return result;
    }

    private static JsonObject Generate(VerbRun run, Generator generator, Tokenizer? tokenizer, int[][] prompts, GenerationOptions options)
    {
        bool streams = prompts.Length == 1 && tokenizer is not null && run.Console.IsOutTerminal && !run.IsJson;
        StreamingDecoder? decoder = streams ? new StreamingDecoder(tokenizer!) : null;
        Action<int, int>? onToken = decoder is null ? null : (_, token) => run.Console.Out.Write(decoder.Push(token));
        int[][] ids = generator.Generate(prompts, options, onToken, run.Cancellation);
        string[] text = tokenizer is null ? [] : [.. ids.Select(row => tokenizer.Decode(row))];
        if (decoder is not null) run.Console.Out.WriteLine(decoder.Flush());
        else if (tokenizer is not null) foreach (string line in text) run.Print(line);
        else foreach (int[] row in ids) run.Print(string.Join(' ', row));
        return new JsonObject
        {
            ["ids"] = new JsonArray([.. ids.Select(row => JsonOutput.Integers(row))]),
            ["text"] = tokenizer is null ? null : JsonOutput.Texts(text),
        };
    }

    private static int[][] Prompts(VerbRun run, ModelInput input, Tokenizer? tokenizer)
    {
        if (run.Get(Prompt) is { } prompt)
        {
            int[] ids = run.Get(DataFlags.Template) is { } template
                ? new PromptEncoder(tokenizer!, new PromptOptions { Template = template }).EncodePrompt(prompt)
                : tokenizer!.Encode(prompt, addBos: true);
            return ids.Length > 0 ? [ids] : throw new InvalidInputException(run.Flags.Source(Prompt), "at least one token", "none");
        }

        TokenIdsFile file = TokenIdsFile.Read(run.Get(Ids), input.Config.VocabularySize);
        return [.. Enumerable.Range(0, file.Rows.Count).Select(file.Sequence)];
    }

    private static bool HasTokenizer(string folder) =>
        File.Exists(Path.Combine(folder, "tokenizer.json")) || File.Exists(Path.Combine(folder, "tokenizer.model"));
}
