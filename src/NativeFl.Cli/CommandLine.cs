using System.CommandLine;
using System.CommandLine.Parsing;
using System.Text.Json.Nodes;
using NativeFl.Cli.Flags;
using NativeFl.Tensors;

namespace NativeFl.Cli;

/// <summary>
/// The command line in one call: parse, check every flag, run, and turn what happened into an exit code: 0 done, 1 failed while
/// running, 2 the input or the flags are wrong, 130 stopped. Every error is one line on stderr.
/// </summary>
internal static class CommandLine
{
    private const int Failed = 1, WrongInput = 2, Stopped = 130;

    /// <summary>Every verb, in the order --help lists them.</summary>
    public static IReadOnlyList<Verb> Verbs => VerbTable.All;

    /// <summary>Runs one command line.</summary>
    public static int Run(IReadOnlyList<string> args, VerbConsole console, CancellationToken cancellation = default)
    {
        try
        {
            return ParseAndRun(args, console, cancellation);
        }
        catch (InvalidInputException e)
        {
            return Fail(console, e.Message, WrongInput);
        }
        catch (OperationCanceledException)
        {
            return Fail(console, "stopped", Stopped);
        }
        catch (NativeFlException e)
        {
            return Fail(console, e.Message, Failed);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or OutOfMemoryException)
        {
            return Fail(console, e.Message, Failed);
        }
        catch (Exception e)
        {
            // The last resort: nobody foresaw it, so the line says where it came from. Nothing is swallowed: the run ends here.
            string place = e.StackTrace?.Split('\n')[0].Trim() ?? "at an unknown place";
            return Fail(console, $"unexpected {e.GetType().Name} {place}: {e.Message}", Failed);
        }
    }

    private static int ParseAndRun(IReadOnlyList<string> args, VerbConsole console, CancellationToken cancellation)
    {
        IReadOnlyList<Verb> verbs = Verbs;
        var root = new RootCommand("Federated LoRA fine-tuning of Llama-family models.");
        root.Options.Remove(root.Options.OfType<VersionOption>().Single());
        var version = new Option<bool>("--version") { Description = "Show the version" };
        root.Add(version);
        root.SetAction(static _ => 0);
        AddCommands(root, verbs);

        ParseResult parsed = root.Parse(args, new ParserConfiguration { ResponseFileTokenReplacer = null, EnablePosixBundling = false });
        if (parsed.Action is not null && parsed.Action.GetType() == HelpActionOf(root)?.GetType())
            return parsed.Invoke(new InvocationConfiguration { Output = console.Out, Error = console.Error });
        string name = NameOf(parsed.CommandResult);
        Verb? chosen = verbs.FirstOrDefault(v => v.Name == name);
        RequireParsed(parsed, chosen, name);
        if (chosen is null)
        {
            if (name.Length > 0 || !parsed.GetValue(version)) throw WithoutVerb(name, "none");
            console.Out.WriteLine(ProductVersion.Text);
            return 0;
        }

        FlagValues values = Values(chosen, parsed);
        values.Check();
        using var run = new VerbRun(chosen, values, console, cancellation);
        JsonObject result = chosen.Run(run);
        if (run.IsJson) console.Out.WriteLine(JsonOutput.Write(result));
        return 0;
    }

    /// <summary>A command for every verb; what several verbs begin with is a command around them.</summary>
    private static void AddCommands(RootCommand root, IReadOnlyList<Verb> verbs)
    {
        Dictionary<string, Command> groups = [];
        foreach (Verb verb in verbs)
        {
            if (verb.Group.Length == 0)
            {
                root.Add(ToCommand(verb));
                continue;
            }

            if (!groups.TryGetValue(verb.Group, out Command? group))
            {
                groups.Add(verb.Group, group = new Command(verb.Group, VerbTable.Groups[verb.Group]));
                group.SetAction(static _ => 0);
                root.Add(group);
            }

            group.Add(ToCommand(verb));
        }
    }

    /// <summary>The words of a command, such as "refine cluster"; empty for the program itself.</summary>
    private static string NameOf(CommandResult command) =>
        command.Parent is CommandResult parent ? $"{NameOf(parent)} {command.Command.Name}".TrimStart() : "";

    private static InvalidInputException WithoutVerb(string group, string got)
    {
        IEnumerable<string> names = Verbs.Where(v => group.Length == 0 || v.Group == group).Select(v => group.Length == 0 ? v.Name : v.Word);
        return new InvalidInputException($"nativefl {group}".TrimEnd(), $"a verb ({string.Join(", ", names)})", got);
    }

    private static Command ToCommand(Verb verb)
    {
        var command = new Command(verb.Word, verb.Help);
        foreach (IFlag flag in verb.Flags) command.Add(flag.ToOption());
        command.SetAction(static _ => 0);
        return command;
    }

    private static System.CommandLine.Invocation.CommandLineAction? HelpActionOf(RootCommand root) =>
        root.Options.OfType<System.CommandLine.Help.HelpOption>().Single().Action;

    private static void RequireParsed(ParseResult parsed, Verb? verb, string name)
    {
        if (parsed.UnmatchedTokens is [{ } unknown, ..])
        {
            throw verb is null
                ? WithoutVerb(name, $"'{unknown}'")
                : new InvalidInputException($"nativefl {verb.Name}", $"a flag that 'nativefl {verb.Name} --help' lists", $"'{unknown}'");
        }

        if (parsed.Errors is [{ } error, ..])
            throw new InvalidInputException($"nativefl {name}".TrimEnd(), "flags with their values", $"this: {error.Message}");
    }

    private static FlagValues Values(Verb verb, ParseResult parsed)
    {
        Dictionary<string, FlagText> given = [];
        foreach (Option option in parsed.CommandResult.Command.Options)
        {
            if (parsed.GetResult(option) is { Implicit: false } result && verb.Flags.Any(f => f.Name == option.Name))
                given[option.Name] = new FlagText(option.Name, [.. result.Tokens.Select(t => t.Value)]);
        }

        if (!given.ContainsKey(SharedFlags.Recipe.Name)) return new FlagValues(verb.Flags, given);
        string path = new FlagValues(verb.Flags, given).Get(SharedFlags.Recipe);
        foreach ((string name, FlagText text) in RecipeFile.Read(path, verb)) given.TryAdd(name, text);
        return new FlagValues(verb.Flags, given);
    }

    private static int Fail(VerbConsole console, string message, int code)
    {
        console.Error.WriteLine(message.ReplaceLineEndings(" "));
        return code;
    }
}
