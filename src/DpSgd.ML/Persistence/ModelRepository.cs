using System.Reflection;
using Microsoft.ML;
using Microsoft.ML.Runtime;

namespace DpSgd.ML.Persistence;

/// <summary>
/// The way into the files of <c>mlContext.Model</c>. ML.NET lets anybody implement <see cref="ICanSaveModel"/> and register
/// an assembly of loadable classes, but keeps what both need to itself: the header and the writer of a model, and the
/// attribute that names a loader. Those few members are reached by reflection, here and nowhere else.
/// </summary>
internal static class ModelRepository
{
    private const string LoaderName = "DpSgdTransformer";
    private const BindingFlags Members = BindingFlags.Instance | BindingFlags.Public | BindingFlags.NonPublic;
    private static readonly Assembly Core = typeof(ModelSaveContext).Assembly;

    /// <summary>Writes a model where ML.NET has asked for it.</summary>
    public static void Save(ModelSaveContext context, Action<BinaryWriter> write)
    {
        // Signature of eight characters; version that is written, that can read it, that can be read; where the loader is.
        var header = Construct("Microsoft.ML.VersionInfo", "DPSGD ML", 0x00010001u, 0x00010001u, 0x00010001u, typeof(ModelRepository).Assembly.FullName, LoaderName, null);
        (context.GetType().GetMethod("SetVersionInfo", Members) ?? throw Moved("ModelSaveContext.SetVersionInfo")).Invoke(context, [header]);
        write((BinaryWriter)Field(context, "Writer"));
    }

    /// <summary>Teaches a context to load what <see cref="Save"/> writes. More than once does no harm.</summary>
    public static void Register(ComponentCatalog catalog)
    {
        try
        {
            catalog.RegisterAssembly(Loaders.Instance);
        }
        catch (NotSupportedException)
        {
            // Training needs none of it, and saving says what is wrong.
        }
    }

    private static object Field(object context, string name) =>
        (context.GetType().GetField(name, Members) ?? throw Moved($"{context.GetType().Name}.{name}")).GetValue(context)!;

    private static object Construct(string typeName, params object?[] arguments)
    {
        try
        {
            return Activator.CreateInstance(Core.GetType(typeName, throwOnError: true)!, Members, null, arguments, null)!;
        }
        catch (Exception exception) when (exception is TypeLoadException or MissingMethodException)
        {
            throw Moved(typeName, exception);
        }
    }

    private static NotSupportedException Moved(string what, Exception? cause = null) => new(
        $"This version of Microsoft.ML, {Core.GetName().Version}, has no {what} as DpSgd.ML knows it, so models cannot be saved and loaded by mlContext.Model. Use Microsoft.ML 5.0.1, or SaveAsOnnx.", cause);

    /// <summary>What ML.NET calls to load a model. It finds the method by its name and its parameters.</summary>
    private static class Loader
    {
        /// <param name="env">Environment of the context.</param>
        /// <param name="context">A ModelLoadContext, which has no public name.</param>
        public static DpSgdTransformer Create(IHostEnvironment env, object context) =>
            SavedModel.Read((BinaryReader)Field(context, "Reader"), env.Register(nameof(DpSgdTransformer)));
    }

    /// <summary>
    /// Stands for this assembly when ML.NET asks for its loadable classes: the attribute that would name them can be made at
    /// run time, but not written into an assembly outside of ML.NET.
    /// </summary>
    private sealed class Loaders : Assembly
    {
        public static readonly Loaders Instance = new();

        public override string FullName => "DpSgd.ML.Loaders";

        public override Type[] GetTypes() => [];

        public override object[] GetCustomAttributes(Type attributeType, bool inherit)
        {
            var attributes = (object[])Array.CreateInstance(attributeType, 1);
            attributes[0] = Construct(
                "Microsoft.ML.LoadableClassAttribute",
                typeof(DpSgdTransformer), typeof(Loader), null, Core.GetType("Microsoft.ML.SignatureLoadModel", throwOnError: true), "", new[] { LoaderName });
            return attributes;
        }
    }
}
