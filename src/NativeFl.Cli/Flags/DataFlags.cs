namespace NativeFl.Cli.Flags;

/// <summary>The flags that say which model and which records.</summary>
internal static class DataFlags
{
    public static Flag<string> Model { get; } = new("--model", FlagTypes.Folder, "", "a Hugging Face model folder") { IsRequired = true };

    public static Flag<string> OptionalModel { get; } = new("--model", FlagTypes.Folder, "", "a Hugging Face model folder");

    public static Flag<string> Adapter { get; } = new("--adapter", FlagTypes.Folder, "", "a PEFT adapter folder");

    public static Flag<IReadOnlyList<string>> Data { get; } = new("--data", FlagTypes.Files, [], "JSONL files or JSON arrays") { IsRequired = true };

    public static Flag<IReadOnlyList<string>> OptionalData { get; } = new("--data", FlagTypes.Files, [], "JSONL files or JSON arrays");

    public static Flag<string?> PromptField { get; } = new("--prompt-field", FlagTypes.Text, null, "the field of the prompt, if it has a name of its own");

    public static Flag<string?> AnswerField { get; } = new("--answer-field", FlagTypes.Text, null, "the field of the answer, if it has a name of its own");

    public static Flag<string?> Template { get; } = new(
        "--template", FlagTypes.Text, null, "how a record becomes text, such as '<|user|>{prompt}<|assistant|>{answer}<|end_of_text|>'");

    public static Flag<bool> TrainOnPrompt { get; } = new("--train-on-prompt", FlagTypes.Switch, false, "count the loss of the prompt too");

    public static Flag<int?> MaxLength { get; } = new(
        "--max-length", FlagTypes.OptionalInt(2, 1 << 24), null, "longest sequence in tokens [the model's positions, at most 1024]");

    public static Flag<bool> Packing { get; } = new(
        "--packing", FlagTypes.Switch, false, "several records a sequence, which do not see each other [plain text only]");

    public static Flag<bool> NoPacking { get; } = new("--no-packing", FlagTypes.Switch, false, "plain text: one record a sequence");

    /// <summary>How records become token sequences.</summary>
    public static IReadOnlyList<IFlag> Prompt => [.. Single, Packing, NoPacking];

    /// <summary>How a record becomes one sequence.</summary>
    public static IReadOnlyList<IFlag> Single => [PromptField, AnswerField, Template, TrainOnPrompt, MaxLength];
}
